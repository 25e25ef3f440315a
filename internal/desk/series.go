package desk

import (
	"context"
	"errors"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/series"
)

// KeepSeries adds a point to the series of each campaign that has begun and whose rows
// may still change, where it is owner's turn: of several processes that keep them one
// does. It is to be called each so often.
func (d *Desk) KeepSeries(ctx context.Context, owner string, every time.Duration) error {
	mine, err := d.series.Turn(ctx, owner, every)
	if err != nil || !mine {
		return err
	}
	active, err := d.campaigns.Active(ctx)
	if err != nil {
		return err
	}
	for _, b := range active {
		switch b.State {
		case campaign.Draft, campaign.Importing, campaign.Scheduled:
			continue
		case campaign.Running, campaign.Paused, campaign.Halted, campaign.Finished, campaign.Cancelled:
		}
		st, err := d.Status(ctx, b.ID)
		if errors.Is(err, campaign.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		p := series.Point{At: d.now().UTC(), Accepted: st.Accepted, Rejected: st.Rejected, InDoubt: st.InDoubt, Limit: st.Pace.Limit * min(1, st.Pace.Factor)}
		if r := st.Receipts; r != nil {
			p.Delivered, p.Read, p.Undelivered = r.Delivered, r.Read, r.Undelivered
		}
		if err := d.series.Add(ctx, b.ID, p, every); err != nil {
			return err
		}
	}
	return nil
}

// SeriesBy is Series with the last moment of each step alone.
func (d *Desk) SeriesBy(ctx context.Context, id string, step time.Duration) ([]series.Point, error) {
	all, err := d.series.Read(ctx, id)
	return series.Thinned(all, step), err
}

// Series is how a campaign went over time, as far as that was kept.
func (d *Desk) Series(ctx context.Context, id string) ([]series.Point, error) {
	return d.series.Read(ctx, id)
}
