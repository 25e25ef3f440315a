package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"

	"sluice/internal/campaign"
)

// retire ends what a campaign that is over still takes up, once people had time
// to look at it: its queue is deleted, its rows begin to expire. The account
// stays. Many workers may do it at once.
func (w *Worker) retire(ctx context.Context, rec campaign.Brief) {
	if w.now().Sub(rec.MovedAt) < w.Linger || w.servers[rec.ID] != nil {
		return
	}
	if err := w.retireNow(ctx, rec.ID); err != nil {
		w.away(ctx, err)
		return
	}
	w.Log.Info().Str("campaign", rec.ID).Dur("keep", w.Keep).Msg("campaign retired: its queue is deleted")
}

func (w *Worker) retireNow(ctx context.Context, id string) error {
	if w.Keep > 0 {
		if err := w.Ledger.Expire(ctx, id, w.Keep); err != nil {
			return err
		}
	}
	err := asynq.NewInspectorFromRedisClient(w.Redis).DeleteQueue(id, true)
	if err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
		return fmt.Errorf("deleting the queue of %s: %w", id, err)
	}
	totals, err := w.Ledger.Totals(ctx, id)
	if err != nil {
		return err
	}
	account, err := json.Marshal(totals)
	if err != nil {
		return fmt.Errorf("keeping the account of %s: %w", id, err)
	}
	return w.Campaigns.Retire(ctx, id, account)
}
