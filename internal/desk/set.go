package desk

import (
	"context"
	"errors"
	"strings"
	"time"

	"sluice/internal/campaign"
)

// A SetOrder says which settings of a campaign to change; nil leaves one as it
// is.
type SetOrder struct {
	ID          string
	Rate        *float64 // messages a second; 0: the sender's own
	Priority    *string
	Window      *string // as "09:00-20:00 America/Sao_Paulo"; "none": at any time
	StartAt     *time.Time
	MaxAttempts *int
}

// notesText is which notes are set, for the audit.
func notesText(n campaign.Notes) string {
	var names []string
	if n.Labels != nil {
		names = append(names, "labels")
	}
	if n.Callback != nil {
		names = append(names, "callback")
	}
	return strings.Join(names, ", ")
}

// Set is what came of a SetOrder.
type Set struct {
	ID            string
	Before, After campaign.Settings
	// LateStart says that the start that was set has passed already.
	LateStart bool
}

func (d *Desk) set(ctx context.Context, o SetOrder) (*Set, error) {
	if o.Rate == nil && o.Priority == nil && o.Window == nil && o.StartAt == nil && o.MaxAttempts == nil {
		return nil, invalid("nothing to set: give at least one of rate, priority, window, start_at, max_attempts")
	}
	var window *campaign.Window
	if o.Window != nil {
		var err error
		if window, err = campaign.ParseWindow(*o.Window); err != nil {
			return nil, &InvalidError{err}
		}
	}
	var wrong error
	before, after, err := d.campaigns.Set(ctx, o.ID, func(s *campaign.Settings) error {
		o.apply(s, window)
		wrong = s.Check()
		return wrong
	})
	switch {
	case wrong != nil:
		return nil, &InvalidError{wrong}
	case err != nil:
		return nil, err
	}
	// Batches may be waiting in the queue for the window that was.
	if len(before.Differences(after)) > 0 && before.Window != nil {
		if err := d.queue.Hasten(ctx, o.ID); err != nil {
			return nil, errors.Join(errSetAlready, err)
		}
	}
	if err := d.noteZones(ctx, o.ID); err != nil {
		return nil, errors.Join(errNoZones, err)
	}
	return &Set{ID: o.ID, Before: before, After: after, LateStart: o.StartAt != nil && !o.StartAt.IsZero() && !o.StartAt.After(d.now())}, nil
}

var errNoZones = errors.New("the settings hold, but when it will end is not to be known; set it once more")

var errSetAlready = errors.New("the settings hold, but batches that wait for the window before could not be told; set it once more")

// apply puts what is set in its place.
func (o *SetOrder) apply(s *campaign.Settings, window *campaign.Window) {
	if o.Rate != nil {
		s.Rate = *o.Rate
	}
	if o.Priority != nil {
		s.Priority = *o.Priority
	}
	if o.Window != nil {
		s.Window = window
	}
	if o.StartAt != nil {
		s.StartAt = *o.StartAt
	}
	if o.MaxAttempts != nil {
		s.MaxAttempts = *o.MaxAttempts
	}
}
