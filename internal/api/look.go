package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/events"
	"sluice/internal/status"
)

// The events that are told as they are now.
const (
	eventProgress = "campaign.progress" // the account
	eventImport   = "campaign.import"   // how much of the list is imported
	eventPace     = "sender.pace"       // what the campaign's sender is allowed
)

// Look asks a desk how far a campaign is, for the event streams.
func Look(d *desk.Desk) func(context.Context, string) (events.Look, error) {
	return func(ctx context.Context, id string) (events.Look, error) {
		st, err := d.Status(ctx, id)
		if errors.Is(err, campaign.ErrNotFound) { // discarded, or a draft that is over
			return events.Look{}, nil
		}
		if err != nil {
			return events.Look{}, err
		}
		at := time.Now().UTC().Truncate(time.Millisecond)
		if st.State == string(campaign.Importing) {
			told, err := importing(ctx, d, st, at)
			return events.Look{Moves: true, Events: []events.Event{told}}, err
		}
		look := events.Look{Moves: st.State == string(campaign.Running)}
		look.Events = append(look.Events, now(eventProgress, st, progress{id, at, st}, still(st)))
		if !st.Over() {
			p := pace{Campaign: id, Sender: st.Sender, Pace: st.Pace}
			same := p
			p.At = at
			look.Events = append(look.Events, now(eventPace, st, p, same))
		}
		return look, nil
	}
}

// progress is how far a campaign is.
type progress struct {
	Campaign string         `json:"campaign"`
	At       time.Time      `json:"at"`
	Status   *status.Status `json:"status"`
}

// imported is how far an import is.
type imported struct {
	Campaign  string    `json:"campaign"`
	At        time.Time `json:"at"`
	Rows      int       `json:"rows"`
	RowsTotal int       `json:"rows_total"` // 0 where nobody has counted them
}

// pace is what a sender is allowed.
type pace struct {
	Campaign string    `json:"campaign"`
	Sender   string    `json:"sender"`
	At       time.Time `json:"at"`
	status.Pace
}

func importing(ctx context.Context, d *desk.Desk, st *status.Status, at time.Time) (events.Event, error) {
	rec, err := d.Record(ctx, st.ID)
	if err != nil {
		return events.Event{}, err
	}
	all, err := d.Parts(ctx, rec)
	if err != nil {
		return events.Event{}, err
	}
	told := imported{Campaign: st.ID, At: at, Rows: st.Rows}
	for _, p := range all {
		told.RowsTotal += p.Rows
	}
	return now(eventImport, st, told, [2]int{told.Rows, told.RowsTotal}), nil
}

// still is an account without what changes while nothing happens.
func still(st *status.Status) *status.Status {
	same := *st
	same.ETASeconds, same.EndsAt, same.GoesOnAt = nil, nil, nil
	return &same
}

func now(kind string, st *status.Status, data, same any) events.Event {
	return events.Event{Type: kind, Campaign: st.ID, Sender: st.Sender, Data: text(data), Same: text(same)}
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return b
}
