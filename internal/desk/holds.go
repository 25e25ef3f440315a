package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/status"
)

// holds says what keeps a campaign from going on, or slows it down.
func (d *Desk) holds(ctx context.Context, rec *campaign.Record, st *status.Status) ([]status.Hold, error) {
	switch rec.State {
	case campaign.Draft:
		return []status.Hold{{What: status.HoldDraft, Text: "it is composed, and not launched"}}, nil
	case campaign.Importing:
		if rec.Composed() {
			return []status.Hold{{What: status.HoldImporting, Text: "its list is being imported, by `producer serve`"}}, nil
		}
		return []status.Hold{{What: status.HoldImporting, Text: "its list is not imported to the end: `producer send` goes on with it"}}, nil
	case campaign.Paused:
		h := status.Hold{What: status.HoldPaused, Text: "paused"}
		if rec.By != "" {
			h.Text += " by " + rec.By
		}
		return []status.Hold{h}, nil
	case campaign.Halted:
		h := status.Hold{What: status.HoldHalted, Text: "halted: " + rec.Reason, Code: rec.Code}
		if rec.Row > 0 {
			h.Text = fmt.Sprintf("halted at row %d: %s", rec.Row, rec.Reason)
		}
		return []status.Hold{h}, nil
	case campaign.Finished, campaign.Cancelled:
		return []status.Hold{}, nil
	case campaign.Scheduled, campaign.Running:
	}
	found := []status.Hold{}
	workers, err := d.fleet(ctx)
	if err != nil {
		return nil, err
	}
	found = append(found, workers.hold(rec.Sender)...)
	if rec.State == campaign.Scheduled {
		return append(found, status.Hold{What: status.HoldStart, Text: "not before its start", Until: st.GoesOnAt}), nil
	}
	if until := st.Pace.PausedUntil; until != nil {
		text := fmt.Sprintf("the provider asked for a pause, which `producer resume %s --clear-pause` ends: throttled", rec.ID)
		found = append(found, status.Hold{What: status.HoldThrottled, Text: text, Until: until})
	}
	file, err := rec.File()
	if err != nil {
		return nil, err
	}
	if opens := file.Window.Next(d.now()); opens.After(d.now()) {
		found = append(found, status.Hold{What: status.HoldWindow, Text: "outside its window", Until: &opens})
	}
	if st.Pace.Until != nil {
		found = append(found, status.Hold{What: status.HoldDay, Text: "the sender's messages of 24 hours are used up", Until: st.Pace.Until})
	}
	found = append(found, d.circuits(workers.alive, rec.Sender)...)
	if st.Pace.Factor < 1 && st.Pace.PausedUntil == nil {
		found = append(found, status.Hold{What: status.HoldThrottled, Text: fmt.Sprintf("throttled to %.0f %% of the sender's limit, and rising", st.Pace.Factor*100)})
	}
	return found, nil
}

// hold says that there is no worker that could send by a sender.
func (f *fleet) hold(sender string) []status.Hold {
	if len(f.alive) > 0 {
		knows := func(h ledger.Heartbeat) bool { return h.Senders == nil || slices.Contains(h.Senders, sender) }
		if slices.ContainsFunc(f.alive, knows) {
			return nil
		}
		return []status.Hold{{What: status.HoldNoSender, Text: fmt.Sprintf("none of the %d workers alive knows the sender %s: is it in their senders file?", len(f.alive), sender)}}
	}
	h := status.Hold{What: status.HoldNoWorker, Text: "no worker is alive, and none has been seen"}
	if last := f.last; !last.IsZero() {
		h.Text, h.Since = "no worker is alive", &last
	}
	return []status.Hold{h}
}

// circuits says since when a sender's circuit breaker is open, at the worker that
// has it so for longest.
func (d *Desk) circuits(fleet []ledger.Heartbeat, sender string) []status.Hold {
	var first *ledger.Circuit
	open := 0
	for _, h := range fleet {
		if c, ok := h.Circuits[sender]; ok {
			if open++; first == nil || c.Since.Before(first.Since) {
				first = &c
			}
		}
	}
	if first == nil {
		return nil
	}
	text := fmt.Sprintf("the provider does not answer (%s), as %d of %d workers see it; they probe", first.Code, open, len(fleet))
	return []status.Hold{{What: status.HoldCircuit, Text: text, Since: &first.Since, Code: first.Code}}
}

// A Worker is one that is alive.
type Worker struct {
	Worker    string    `json:"worker"`
	Host      string    `json:"host"`
	Version   string    `json:"version"`
	Since     time.Time `json:"since"`
	Senders   []string  `json:"senders"`
	Campaigns []string  `json:"campaigns"`
	InFlight  int       `json:"in_flight"`
	// Paused is until when it keeps the pauses that providers asked for, by sender.
	Paused   map[string]time.Time `json:"paused,omitempty"`
	LastBeat time.Time            `json:"last_beat"`
}

// Workers are those that are alive, and when any was last.
func (d *Desk) Workers(ctx context.Context) (alive []Worker, last time.Time, err error) {
	fleet, err := d.ledger.Fleet(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, h := range fleet {
		alive = append(alive, Worker{
			Worker: h.Worker, Host: h.Host, Version: h.Version, Since: h.Since, LastBeat: h.Beat,
			Senders: notNil(h.Senders), Campaigns: notNil(h.Campaigns), InFlight: h.InFlight, Paused: h.Paused,
		})
	}
	last, err = d.ledger.LastBeat(ctx)
	return alive, last, err
}

func notNil(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
