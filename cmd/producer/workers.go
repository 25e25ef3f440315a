package main

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
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
	fmt.Fprintln(t, "WORKER\tHOST\tVERSION\tSINCE\tSENDERS\tCAMPAIGNS\tIN FLIGHT\tLAST BEAT")
	for _, w := range alive {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", w.Worker, w.Host, w.Version, atText(w.Since),
			strings.Join(w.Senders, ","), strings.Join(w.Campaigns, ","), w.InFlight, atText(w.LastBeat))
	}
	return t.Flush()
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
