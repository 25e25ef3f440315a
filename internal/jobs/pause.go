package jobs

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Paused says of each campaign whether its queue was paused, as asynq's web UI and
// its command do: then no batch of it is handed out.
func (q *Queue) Paused(ctx context.Context, campaigns []string) ([]bool, error) {
	asked := make([]*redis.IntCmd, len(campaigns))
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, campaign := range campaigns {
			asked[i] = p.Exists(ctx, q.key(campaign, "paused"))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for paused queues: %w", err)
	}
	paused := make([]bool, len(campaigns))
	for i, a := range asked {
		paused[i] = a.Val() > 0
	}
	return paused, nil
}

// Unpause has a campaign's queue hand its batches out again.
func (q *Queue) Unpause(ctx context.Context, campaign string) error {
	if err := q.rdb.Del(ctx, q.key(campaign, "paused")).Err(); err != nil {
		return fmt.Errorf("unpausing the queue of %s: %w", campaign, err)
	}
	return nil
}
