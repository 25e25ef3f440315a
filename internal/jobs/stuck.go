package jobs

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// unstick rebuilds the queue of a campaign that runs, has nothing in its queue
// and is not finished: a task was lost, or a worker died after it had brought a
// batch back and before it had enqueued it.
func (w *Worker) unstick(ctx context.Context, id string) error {
	empty, err := w.queueEmpty(ctx, id)
	if err != nil || !empty {
		return err
	}
	n, err := w.requeuer().Requeue(ctx, id)
	if n > 0 {
		w.Log.Warn().Str("campaign", id).Int("batches", n).Msg("batches without a task enqueued again")
	}
	return err
}

func (w *Worker) requeuer() *Requeuer {
	return &Requeuer{Redis: w.Redis, Ledger: w.Ledger, Campaigns: w.Campaigns}
}

// queueEmpty says that no task of a campaign is going to run. It costs four
// cheap commands in one round trip.
func (w *Worker) queueEmpty(ctx context.Context, id string) (bool, error) {
	var counts []*redis.IntCmd
	_, err := w.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		prefix := "asynq:{" + id + "}:"
		counts = append(counts, p.LLen(ctx, prefix+"pending"), p.LLen(ctx, prefix+"active"),
			p.ZCard(ctx, prefix+"retry"), p.ZCard(ctx, prefix+"scheduled"))
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("looking at the queue of %s: %w", id, err)
	}
	for _, c := range counts {
		if c.Val() > 0 {
			return false, nil
		}
	}
	return true, nil
}
