package desk

import (
	"context"
	"errors"
	"strconv"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/status"
)

const (
	// watchAtOnce is how many campaigns one Watch looks at.
	watchAtOnce = 200
	// watchLease is how long a look may take before somebody else looks.
	watchLease = 30 * time.Second
	// watchEvery is how often a campaign is looked at that is not over.
	watchEvery = 5 * time.Second
	// SettledAfter is for how long no receipt has come when they are settled.
	SettledAfter = 24 * time.Hour
	// ProgressPercent is how far two events of progress are apart, unless the campaign
	// says so.
	ProgressPercent = 10
)

// Watch looks at campaigns of which programs are to be told what no move tells, where it
// is time to. It is to be called each so often; any number of processes share the looks,
// and what is noticed is told once.
func (d *Desk) Watch(ctx context.Context) error {
	ids, until, err := d.campaigns.Watched(ctx, watchAtOnce, watchLease)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range ids {
		again, err := d.watch(ctx, id)
		if err == nil {
			err = d.campaigns.WatchAgain(ctx, id, until, again)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed = errors.Join(failed, err) // it is looked at again after the lease
	}
	return failed
}

// watch looks at one campaign, and says when to look again; the zero time: never.
func (d *Desk) watch(ctx context.Context, id string) (again time.Time, err error) {
	rec, err := d.campaigns.Get(ctx, id)
	switch {
	case errors.Is(err, campaign.ErrNotFound), err == nil && rec.State == campaign.Draft: // its launch watches it
		return again, nil
	case err != nil:
		return again, err
	}
	st, err := d.source().Of(ctx, rec)
	if err != nil {
		return again, err
	}
	if rec.Tells(campaign.EventProgress) {
		if err := d.noticeProgress(ctx, rec, st); err != nil {
			return again, err
		}
	}
	if rec.Tells(campaign.EventInDoubt) {
		somebody := min(int64(st.InDoubt), 1)
		if err := d.campaigns.Notice(ctx, rec, campaign.EventInDoubt, somebody, ""); err != nil {
			return again, err
		}
	}
	if !rec.State.Over() {
		return d.now().Add(watchEvery), nil
	}
	if !rec.Tells(campaign.EventReceiptsSettled) || st.Receipts == nil || st.Accepted == 0 {
		return again, nil
	}
	last := rec.FinishedAt
	if at := st.Receipts.LastAt; at != nil && at.After(last) {
		last = *at
	}
	if settled := last.Add(SettledAfter); d.now().Before(settled) {
		return settled, nil
	}
	return again, d.campaigns.Notice(ctx, rec, campaign.EventReceiptsSettled, last.UnixMilli(), "")
}

// noticeProgress notices how much is done, in whole steps. That all is done, the end of
// the campaign tells.
func (d *Desk) noticeProgress(ctx context.Context, rec *campaign.Record, st *status.Status) error {
	c, err := callbackOf(rec)
	if err != nil {
		return err
	}
	step, recipients := c.ProgressPercent, st.Recipients()
	if step == 0 {
		step = ProgressPercent
	}
	if recipients == 0 || rec.State == campaign.Importing {
		return nil
	}
	percent := (recipients - st.Pending - st.Cancelled) * 100 / recipients / step * step
	if percent >= 100 {
		return nil
	}
	return d.campaigns.Notice(ctx, rec, campaign.EventProgress, int64(percent), strconv.Itoa(percent))
}
