package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/internal/campaign"
)

// retire ends what a campaign that is over still takes up, once people had time
// to look at it: its queue is deleted, its rows begin to expire. The account
// stays. Many workers may do it at once.
func (w *Worker) retire(ctx context.Context, c *supervised, now time.Time) {
	id := c.brief.ID
	if now.Sub(c.brief.MovedAt) < w.Linger || c.server != nil || time.Now().Before(c.retryRetireAt) {
		return
	}
	retired, err := w.retireNow(ctx, c.brief)
	if err != nil {
		c.retryRetireAt = time.Now().Add(time.Minute)
		w.redisFailed(ctx, id, err)
		return
	}
	if !retired {
		c.retryRetireAt = time.Now().Add(time.Second)
		return
	}
	c.forgotten = true
	w.Log.Info().Str("campaign", id).Dur("keep", w.Keep).Msg("campaign retired: its queue is deleted")
}

// retireNow returns false for a campaign whose account is not final: somebody is
// left after all, as when a worker died that was to bring them back, and it goes
// on; or a worker that lives has not released all of its batches.
func (w *Worker) retireNow(ctx context.Context, rec campaign.Brief) (retired bool, err error) {
	id := rec.ID
	if rec.State == campaign.Finished {
		open, err := w.Ledger.Open(ctx, id)
		if err != nil {
			return false, err
		}
		if len(open) > 0 {
			_, err := w.recovery.Requeue(ctx, id)
			return false, err
		}
	}
	if settled, err := w.settle(ctx, id); err != nil || !settled {
		return false, err
	}
	foreign, err := w.queue.Delete(ctx, id)
	if err != nil {
		return false, err
	}
	if foreign > 0 {
		w.Log.Warn().Str("campaign", id).Int("tasks", foreign).Msg("its queue holds tasks of another application, and is left to that")
	}
	totals, err := w.Ledger.Totals(ctx, id)
	if err != nil {
		return false, err
	}
	account, err := json.Marshal(totals)
	if err != nil {
		return false, fmt.Errorf("keeping the account of %s: %w", id, err)
	}
	var expire func(context.Context) error
	if w.Keep > 0 {
		expire = func(ctx context.Context) error { return w.Ledger.Expire(ctx, id, w.Keep) }
	}
	return true, w.Campaigns.Retire(ctx, id, account, expire)
}

// settle puts in doubt what workers that are gone had in flight of a campaign that
// is over, and says whether nothing is in flight any more.
func (w *Worker) settle(ctx context.Context, id string) (settled bool, err error) {
	owned, err := w.Ledger.Owned(ctx, id)
	if err != nil || owned == 0 {
		return owned == 0, err
	}
	if _, err := w.Ledger.Reclaim(ctx, id); err != nil {
		return false, err
	}
	owned, err = w.Ledger.Owned(ctx, id)
	return owned == 0, err
}

// settleOver settles the campaigns that are over and not retired yet, each until
// nothing of it is in flight.
func (w *Worker) settleOver(ctx context.Context) {
	for id, c := range w.campaigns {
		if !c.brief.State.Over() || c.settled || time.Since(w.redisFailedAt) < afterOutage {
			continue
		}
		settled, err := w.settle(ctx, id)
		if err != nil {
			w.redisFailed(ctx, id, err)
			continue
		}
		c.settled = settled
	}
}
