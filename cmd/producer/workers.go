package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sluice/internal/desk"
)

type workersCommand struct {
	JSON bool `help:"Print one JSON object a line."`
}

// Run lists the workers.
func (c *workersCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	alive, last, err := a.desk.Workers(a.ctx)
	if err != nil {
		return err
	}
	if versions := versionsOf(alive); len(versions) > 1 {
		fmt.Fprintf(shown(a.err), "producer: warning: the workers are of %d versions: %s; end an upgrade soon, new kinds of record wait for it\n",
			len(versions), strings.Join(versions, ", "))
	}
	if c.JSON {
		for i := range alive {
			if err := printJSON(a.out, &alive[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(alive) == 0 {
		text := "no worker is alive, and none has been seen"
		if !last.IsZero() {
			text = "no worker is alive since " + atText(last)
		}
		_, err := fmt.Fprintln(a.out, text)
		return err
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WORKER\tHOST\tVERSION\tSINCE\tSENDERS\tCAMPAIGNS\tIN FLIGHT\tPAUSED\tLAST BEAT")
	for _, w := range alive {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", w.Worker, w.Host, w.Version, atText(w.Since),
			strings.Join(w.Senders, ","), strings.Join(w.Campaigns, ","), w.InFlight, pausesText(w.Paused), atText(w.LastBeat))
	}
	return t.Flush()
}

// versionsOf are the versions of the workers that live.
func versionsOf(alive []desk.Worker) []string {
	versions := make([]string, len(alive))
	for i := range alive {
		versions[i] = alive[i].Version
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// pausesText says which senders are paused, and until when.
func pausesText(pauses map[string]time.Time) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(pauses)) {
		texts = append(texts, name+" until "+atText(pauses[name]))
	}
	return cmp.Or(strings.Join(texts, ", "), "-")
}

// whoami is who uses this command, for those who ask later who paused a campaign.
func whoami() string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
