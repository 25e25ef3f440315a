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
func (w *Worker) retire(ctx context.Context, rec campaign.Brief) {
	if w.now().Sub(rec.MovedAt) < w.Linger || w.servers[rec.ID] != nil || time.Now().Before(w.retryRetireAt[rec.ID]) {
		return
	}
	retired, err := w.retireNow(ctx, rec)
	if err != nil {
		w.retryRetireAt[rec.ID] = time.Now().Add(time.Minute)
		w.redisFailed(ctx, rec.ID, err)
		return
	}
	delete(w.retryRetireAt, rec.ID)
	if !retired {
		return
	}
	w.Log.Info().Str("campaign", rec.ID).Dur("keep", w.Keep).Msg("campaign retired: its queue is deleted")
}

// retireNow returns false for a finished campaign that had somebody left after
// all, as when a worker died that was to bring them back; it goes on.
func (w *Worker) retireNow(ctx context.Context, rec campaign.Brief) (retired bool, err error) {
	id := rec.ID
	if rec.State == campaign.Finished {
		open, err := w.Ledger.Open(ctx, id)
		if err != nil {
			return false, err
		}
		if len(open) > 0 {
			// It stays active whether or not a batch has to be enqueued for it.
			if _, err := w.recovery.Requeue(ctx, id); err != nil {
				return false, err
			}
			_, err := w.Campaigns.Reopen(ctx, id)
			return false, err
		}
	}
	if w.Keep > 0 {
		if err := w.Ledger.Expire(ctx, id, w.Keep); err != nil {
			return false, err
		}
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
	return true, w.Campaigns.Retire(ctx, id, account)
}
