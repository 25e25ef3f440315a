package desk

import (
	"context"
	"errors"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
)

// Moved is what came of a move: resumed before its start, a campaign is
// scheduled.
type Moved struct {
	State campaign.State
	Moved bool // else it was so already
	// Warning is what a person should know of it; empty: nothing.
	Warning string
}

func (d *Desk) pause(ctx context.Context, id string) (Moved, error) {
	return d.move(ctx, id, func(ctx context.Context, id string) (bool, error) {
		moved, err := d.campaigns.PauseBy(ctx, id, d.actor.String())
		if err == nil {
			err = d.queue.Hold(ctx, id) // for the queue's web UI
		}
		return moved, err
	})
}

func (d *Desk) resume(ctx context.Context, id string) (Moved, error) {
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return Moved{}, err
	}
	m, err := d.move(ctx, id, func(ctx context.Context, id string) (bool, error) {
		// The queue first: a worker that finds it paused would pause the campaign again.
		if err := d.queue.Unpause(ctx, id); err != nil {
			return false, err
		}
		moved, err := d.campaigns.Resume(ctx, id)
		if err == nil {
			// Again, for a worker may have paused the queue of the campaign as it was.
			err = d.queue.Release(ctx, id)
		}
		return moved, err
	})
	if rec.Code == campaign.CodeRestored && rec.State == campaign.Halted && m.Moved {
		m.Warning = "Redis was restored before: " + restoredGoesOn
	}
	return m, err
}

// restoredGoesOn says what it means to resume such a campaign.
const restoredGoesOn = "whoever was submitted to after its state was saved is not on record, and gets a second message now"

func (d *Desk) clearPause(ctx context.Context, id string) (m Moved, sender string, was bool, err error) {
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return m, "", false, err
	}
	// The campaign first: one that is over is refused, and changes nothing.
	if m, err = d.resume(ctx, id); err != nil {
		return m, rec.Sender, false, err
	}
	was, err = ratelimit.ClearPause(ctx, d.redis, rec.Sender)
	return m, rec.Sender, was, err
}

func (d *Desk) skipRow(ctx context.Context, id string, row int) (m Moved, skipped bool, err error) {
	rec, err := d.withRows(ctx, id)
	switch {
	case err != nil:
		return m, false, err
	case rec.State == campaign.Draft || rec.State == campaign.Importing || rec.State.Over():
		return m, false, invalid("%s is %s: there is nobody to skip: %w", id, rec.State, campaign.ErrNotAllowed)
	}
	within, cancel := context.WithTimeout(ctx, skipWithin)
	defer cancel()
	skipped, err = d.ledger.Skip(within, id, row)
	switch {
	case errors.Is(err, ledger.ErrNoSuchRow), errors.Is(err, ledger.ErrNotPending):
		return m, false, &InvalidError{err}
	case err != nil:
		return m, false, err
	}
	if m, err = d.resume(ctx, id); err != nil {
		return m, skipped, err
	}
	finished, err := d.campaigns.Finish(ctx, id) // it may have been the last one
	if finished {
		m.State = campaign.Finished
	}
	return m, skipped, err
}

// skipWithin is how long a submission to a row that is to be skipped is waited
// for: longer than any takes.
const skipWithin = 2*time.Minute + 10*time.Second

func (d *Desk) cancel(ctx context.Context, id string) (Moved, error) {
	return d.move(ctx, id, func(ctx context.Context, id string) (bool, error) {
		moved, err := d.campaigns.Cancel(ctx, id)
		if err == nil {
			_, err = d.ledger.Reclaim(ctx, id)
		}
		if err == nil {
			err = d.queue.Purge(ctx, id)
		}
		return moved, err
	})
}

func (d *Desk) move(ctx context.Context, id string, move func(context.Context, string) (bool, error)) (Moved, error) {
	moved, err := move(ctx, id)
	if err != nil {
		return Moved{}, err
	}
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return Moved{}, err
	}
	return Moved{State: rec.State, Moved: moved}, nil
}
