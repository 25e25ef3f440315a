package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// A Lease is a running task's promise to be renewed.
type Lease struct {
	Task  string // its name in asynq
	Batch int    // -1 if the name names none
	Until float64
}

// Leases are those of a campaign's running tasks. It costs one command.
func (q *Queue) Leases(ctx context.Context, campaign string) ([]Lease, error) {
	seen, err := q.rdb.ZRangeWithScores(ctx, keys.Queue(campaign, "lease"), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("looking at the leases of %s: %w", campaign, err)
	}
	leases := make([]Lease, len(seen))
	for i, z := range seen {
		id, _ := z.Member.(string)
		leases[i] = Lease{Task: id, Batch: -1, Until: z.Score}
		if n, ok := batchOf(id); ok {
			leases[i].Batch = n
		}
	}
	return leases, nil
}

// Empty says that no task of a campaign is going to run. It costs four cheap
// commands in one round trip.
func (q *Queue) Empty(ctx context.Context, campaign string) (bool, error) {
	var counts []*redis.IntCmd
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		counts = append(counts, p.LLen(ctx, keys.Queue(campaign, "pending")), p.LLen(ctx, keys.Queue(campaign, "active")),
			p.ZCard(ctx, keys.Queue(campaign, "retry")), p.ZCard(ctx, keys.Queue(campaign, "scheduled")))
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("looking at the queue of %s: %w", campaign, err)
	}
	for _, c := range counts {
		if c.Val() > 0 {
			return false, nil
		}
	}
	return true, nil
}

// Delete deletes a queue that no server works on any more. What a dead worker had
// is at work there for ever, and asynq deletes no queue with tasks at work; nor
// does it delete the tasks that are done with the queue.
func (q *Queue) Delete(ctx context.Context, campaign string) error {
	active, err := q.rdb.LRange(ctx, keys.Queue(campaign, "active"), 0, -1).Result()
	if err != nil {
		return err
	}
	_, err = q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, task := range active {
			p.Del(ctx, keys.Queue(campaign, "t:"+task))
		}
		p.Del(ctx, keys.Queue(campaign, "active"))
		return nil
	})
	if err != nil {
		return err
	}
	inspector := asynq.NewInspectorFromRedisClient(q.rdb)
	if _, err := inspector.DeleteAllCompletedTasks(campaign); errors.Is(err, asynq.ErrQueueNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	err = inspector.DeleteQueue(campaign, true)
	if errors.Is(err, asynq.ErrQueueNotFound) {
		return nil // another worker was quicker
	}
	return err
}
