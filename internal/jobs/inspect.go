package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// A Lease is a running task's promise to be renewed.
type Lease struct {
	Task  string // its name in asynq
	Batch int    // -1 if the name names none
	Until float64
}

// Leases are those of a campaign's running tasks. It costs one command.
func (q *Queue) Leases(ctx context.Context, campaign string) ([]Lease, error) {
	seen, err := q.rdb.ZRangeWithScores(ctx, q.key(campaign, "lease"), 0, -1).Result()
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
		counts = append(counts, p.LLen(ctx, q.key(campaign, "pending")), p.LLen(ctx, q.key(campaign, "active")),
			p.ZCard(ctx, q.key(campaign, "retry")), p.ZCard(ctx, q.key(campaign, "scheduled")))
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

// Waiting are the batches that have a task which is going to run. A task at work is
// none: whoever has it may be gone.
func (q *Queue) Waiting(ctx context.Context, campaign string) (map[int]bool, error) {
	ids, err := q.tasks(ctx, campaign, "pending", "retry", "scheduled")
	if err != nil {
		return nil, err
	}
	waiting := make(map[int]bool, len(ids))
	for _, id := range ids {
		if n, ok := batchOf(id); ok {
			waiting[n] = true
		}
	}
	return waiting, nil
}

// ErrForeign says that a campaign's queue holds tasks of another application.
var ErrForeign = errors.New("its queue holds tasks that are not Sluice's")

// CheckForeign refuses with ErrForeign a queue that holds what is not ours: who
// worked on it would run that, and spoil it.
func (q *Queue) CheckForeign(ctx context.Context, campaign string) error {
	ids, err := q.tasks(ctx, campaign, "pending", "active", "retry", "scheduled", "archived", "completed")
	if err != nil {
		return err
	}
	foreign := 0
	for _, id := range ids {
		if _, ok := batchOf(id); !ok {
			foreign++
		}
	}
	if foreign > 0 {
		return fmt.Errorf("campaign %s: %w: %d in %s; take them away, or give Sluice a --queue-prefix of its own", campaign, ErrForeign, foreign, q.Name(campaign))
	}
	return nil
}

// tasks are the names of a queue's tasks in some of their states, straight from
// asynq's keys: its inspector knows no queue that it has not listed.
func (q *Queue) tasks(ctx context.Context, campaign string, states ...string) ([]string, error) {
	asked := make([]*redis.StringSliceCmd, len(states))
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, state := range states {
			if state == "pending" || state == "active" {
				asked[i] = p.LRange(ctx, q.key(campaign, state), 0, -1)
			} else {
				asked[i] = p.ZRange(ctx, q.key(campaign, state), 0, -1)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the tasks of %s: %w", campaign, err)
	}
	var ids []string
	for _, a := range asked {
		ids = append(ids, a.Val()...)
	}
	return ids, nil
}
