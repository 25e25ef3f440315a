package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// atOnce is how many queues are asked about in one round trip.
const atOnce = 500

// A Lease is a running task's promise to be renewed.
type Lease struct {
	Task  string // its name in asynq
	Batch int    // -1 if the name names none
	Until float64
}

// Leases are those of each campaign's running tasks. It costs a command each, and
// a round trip for many.
func (q *Queue) Leases(ctx context.Context, campaigns ...string) (map[string][]Lease, error) {
	leases := make(map[string][]Lease, len(campaigns))
	for some := range slices.Chunk(campaigns, atOnce) {
		seen := make([]*redis.ZSliceCmd, len(some))
		_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, id := range some {
				seen[i] = p.ZRangeWithScores(ctx, q.key(id, "lease"), 0, -1)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking at the leases of %d queues: %w", len(some), err)
		}
		for i, id := range some {
			for _, z := range seen[i].Val() {
				task, _ := z.Member.(string)
				l := Lease{Task: task, Batch: -1, Until: z.Score}
				if n, ok := batchOf(task); ok {
					l.Batch = n
				}
				leases[id] = append(leases[id], l)
			}
		}
	}
	return leases, nil
}

// A Backlog is what a campaign's queue holds.
type Backlog struct {
	Pending int // tasks that wait for a server
	Active  int // tasks that servers have in their hands
	// Later is when tasks will be pending that are told to wait, the earliest first:
	// not all of them, where they are many.
	Later []time.Time
}

// Due is how many tasks wait for a server at a time, as far as Later goes.
func (b Backlog) Due(at time.Time) int {
	n := b.Pending
	for _, t := range b.Later {
		if !t.After(at) {
			n++
		}
	}
	return n
}

// laterAtMost is how many of the tasks that are told to wait are looked at.
const laterAtMost = 64

// Backlogs are those of the campaigns named. It costs four cheap commands each,
// and a round trip for many.
func (q *Queue) Backlogs(ctx context.Context, campaigns ...string) (map[string]Backlog, error) {
	backlogs := make(map[string]Backlog, len(campaigns))
	for some := range slices.Chunk(campaigns, atOnce) {
		pending, active := make([]*redis.IntCmd, len(some)), make([]*redis.IntCmd, len(some))
		retry, scheduled := make([]*redis.ZSliceCmd, len(some)), make([]*redis.ZSliceCmd, len(some))
		_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, id := range some {
				pending[i], active[i] = p.LLen(ctx, q.key(id, "pending")), p.LLen(ctx, q.key(id, "active"))
				retry[i] = p.ZRangeWithScores(ctx, q.key(id, "retry"), 0, laterAtMost-1)
				scheduled[i] = p.ZRangeWithScores(ctx, q.key(id, "scheduled"), 0, laterAtMost-1)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking at %d queues: %w", len(some), err)
		}
		for i, id := range some {
			b := Backlog{Pending: int(pending[i].Val()), Active: int(active[i].Val())}
			for _, z := range slices.Concat(retry[i].Val(), scheduled[i].Val()) {
				b.Later = append(b.Later, time.Unix(int64(z.Score), 0))
			}
			slices.SortFunc(b.Later, time.Time.Compare)
			backlogs[id] = b
		}
	}
	return backlogs, nil
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
