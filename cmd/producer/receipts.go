package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/internal/desk"
)

type receiptsCommand struct {
	Replay receiptsReplay `cmd:"" help:"Apply the callbacks again that a receiver keeps in its folder, with all that follows from them: where Redis has lost them, say. Safe to repeat, and beside receivers."`
}

type receiptsReplay struct {
	Dir    string    `help:"The receiver's folder." env:"SLUICE_RECEIVER_DIR" required:"" placeholder:"DIR"`
	From   time.Time `help:"Those that came in at this time or later, such as 2026-11-22T09:00:00Z; all if not given." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
	To     time.Time `help:"Those that came in before this time; until now if not given." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
	Sender string    `help:"Those of this sender alone." placeholder:"NAME"`
	DryRun bool      `help:"Count them, and change nothing."`
	asJSON
}

// Run applies them.
func (c *receiptsReplay) Run(a *app) error {
	if c.To.IsZero() {
		c.To = a.now()
	}
	if err := a.connect(); err != nil {
		return err
	}
	done, err := a.desk.Replay(a.ctx, desk.ReplayOrder{Dir: c.Dir, From: c.From, To: c.To, Sender: c.Sender, DryRun: c.DryRun})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, done)
	}
	word := "applied"
	if c.DryRun {
		word = "to apply"
	}
	if _, err := fmt.Fprintf(a.out, "%d callbacks, %d receipts %s\n", done.Callbacks, done.Receipts, word); err != nil {
		return err
	}
	for _, what := range slices.Sorted(maps.Keys(done.Became)) {
		if _, err := fmt.Fprintf(a.out, "  %s: %d\n", what, done.Became[what]); err != nil {
			return err
		}
	}
	return nil
}
