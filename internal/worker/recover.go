package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// recoverEvery is how often a worker looks for batches whose worker is gone.
const recoverEvery = 2 * time.Second

// recover takes over the batches whose worker is gone, and mends what a worker
// left undone that died at the very end of a campaign. While heartbeats may be
// missing of workers that live, since Redis was away, it takes nothing.
func (w *Worker) recover(ctx context.Context) {
	w.settleOver(ctx)
	for id, s := range w.servers {
		if time.Since(w.redisFailedAt) < aliveFor {
			return
		}
		if s.stopped {
			continue
		}
		if err := w.recoverCampaign(ctx, id, s); err != nil {
			w.redisFailed(ctx, id, err)
		}
	}
}

func (w *Worker) recoverCampaign(ctx context.Context, id string, s *server) error {
	orphans, err := w.Ledger.Orphans(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		s.takeOver(o)
	}
	if err := w.takeStalledTasks(ctx, s); err != nil {
		return err
	}
	finished, err := w.Campaigns.Finish(ctx, id)
	if err != nil || finished {
		return err
	}
	return w.requeueIfEmpty(ctx, id)
}

// requeueIfEmpty rebuilds the queue of a campaign that runs, has nothing in its
// queue and is not finished: a task was lost, or a worker died after it had
// brought a batch back and before it had enqueued it.
func (w *Worker) requeueIfEmpty(ctx context.Context, id string) error {
	empty, err := w.queue.Empty(ctx, id)
	if err != nil || !empty {
		return err
	}
	n, err := w.recovery.Requeue(ctx, id)
	if n > 0 {
		w.Log.Warn().Str("campaign", id).Int("batches", n).Msg("batches without a task enqueued again")
	}
	return err
}

// redisFailed notes that Redis did not answer about a campaign, or at all. An
// error that is about the campaign alone is only told of.
func (w *Worker) redisFailed(ctx context.Context, campaign string, err error) {
	var corrupt *ledger.CorruptError
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &corrupt), errors.Is(err, jobs.ErrTooManyTasks):
		w.Log.Error().Err(err).Str("campaign", campaign).Msg("this campaign cannot be looked after; producer verify says more")
	default:
		w.redisFailedAt = time.Now()
		w.metrics.redisError()
		w.Log.Warn().Err(err).Msg("Redis does not answer; nothing is submitted until it does")
	}
}
