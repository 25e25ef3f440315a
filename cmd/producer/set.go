package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
)

type setCommand struct {
	ID          string   `arg:"" help:"The campaign."`
	Rate        *float64 `help:"Messages a second, below the sender's own; 0 is the sender's own." placeholder:"N"`
	Priority    *string  `help:"high, normal or low." placeholder:"PRIORITY"`
	Window      *string  `help:"The time of day in which it is sent, such as \"09:00-20:00 America/Sao_Paulo\", or with \"recipient\" for each recipient's own zone; none: at any time." placeholder:"WINDOW"`
	StartAt     *string  `help:"Not before this time, such as 2026-11-22T09:00:00-03:00; now: at once. Only before it has begun." placeholder:"TIME"`
	MaxAttempts *int     `help:"Attempts for each recipient, 1 to 20." placeholder:"N"`
	JSON        bool     `help:"Print one JSON object."`
}

// Run sets a campaign's settings.
func (c *setCommand) Run(a *app) error {
	o := desk.SetOrder{ID: c.ID, Rate: c.Rate, Priority: c.Priority, Window: c.Window, MaxAttempts: c.MaxAttempts}
	if c.StartAt != nil {
		o.StartAt = new(time.Time)
		if *c.StartAt != "now" {
			var err error
			if *o.StartAt, err = time.Parse(time.RFC3339, *c.StartAt); err != nil {
				return &usageError{fmt.Errorf("--start-at: %q is not a time with its zone such as 2026-11-22T09:00:00-03:00, nor now", *c.StartAt)}
			}
		}
	}
	if err := a.connect(); err != nil {
		return err
	}
	set, err := a.desk.Set(a.ctx, o)
	if err != nil {
		return err
	}
	if set.LateStart {
		fmt.Fprintln(a.err, "producer: warning: start_at has passed already: the campaign begins at once")
	}
	if c.JSON {
		return printJSON(a.out, setJSON{ID: set.ID, Before: settingsJSON(set.Before), After: settingsJSON(set.After)})
	}
	changes := set.Before.Differences(set.After)
	if len(changes) == 0 {
		_, err = fmt.Fprintf(a.out, "%s has these settings already\n", set.ID)
		return err
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tBEFORE\tAFTER\n", set.ID)
	for _, d := range changes {
		fmt.Fprintf(t, "%s\t%s\t%s\n", d.Name, d.Before, d.After)
	}
	return t.Flush()
}

// A setJSON is what `set --json` prints.
type setJSON struct {
	ID     string   `json:"id"`
	Before settings `json:"before"`
	After  settings `json:"after"`
}

// settings are a campaign's, as JSON has them.
type settings struct {
	Rate        float64          `json:"rate"` // messages a second; 0: the sender's own
	Priority    string           `json:"priority"`
	Window      *campaign.Window `json:"window"`   // null: at any time
	StartAt     *time.Time       `json:"start_at"` // null: at once
	MaxAttempts int              `json:"max_attempts"`
}

func settingsJSON(s campaign.Settings) settings {
	out := settings{Rate: s.Rate, Priority: s.Priority, Window: s.Window, MaxAttempts: s.MaxAttempts}
	if !s.StartAt.IsZero() {
		at := s.StartAt.UTC()
		out.StartAt = &at
	}
	return out
}
