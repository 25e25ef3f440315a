package desk

import (
	"context"

	"sluice/internal/campaign"
)

// Moved is what came of a move: resumed before its start, a campaign is
// scheduled.
type Moved struct {
	State campaign.State
	Moved bool // else it was so already
}

// Pause stops submitting a campaign until it is resumed.
func (d *Desk) Pause(ctx context.Context, id string) (Moved, error) {
	return d.move(ctx, id, d.campaigns.Pause)
}

// Resume goes on with a paused or halted campaign.
func (d *Desk) Resume(ctx context.Context, id string) (Moved, error) {
	return d.move(ctx, id, d.campaigns.Resume)
}

// Cancel ends a campaign for good.
func (d *Desk) Cancel(ctx context.Context, id string) (Moved, error) {
	return d.move(ctx, id, d.campaigns.Cancel)
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
