package worker

import (
	"context"

	"sluice/internal/jobs"
)

// unstick rebuilds the queue of a campaign that runs, has nothing in its queue
// and is not finished: a task was lost, or a worker died after it had brought a
// batch back and before it had enqueued it.
func (w *Worker) unstick(ctx context.Context, id string) error {
	empty, err := w.queue.Empty(ctx, id)
	if err != nil || !empty {
		return err
	}
	n, err := w.requeuer().Requeue(ctx, id)
	if n > 0 {
		w.Log.Warn().Str("campaign", id).Int("batches", n).Msg("batches without a task enqueued again")
	}
	return err
}

func (w *Worker) requeuer() *jobs.Requeuer {
	return &jobs.Requeuer{Redis: w.Redis, Ledger: w.Ledger, Campaigns: w.Campaigns}
}
