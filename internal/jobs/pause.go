package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// A Pause is whether a queue hands batches out, and who has it so.
type Pause uint8

// A queue is paused by us where its campaign is paused or halted, so that the
// queue's web UI agrees; and by others in that UI, or by asynq's command.
const (
	NotPaused Pause = iota
	PausedByUs
	PausedByOthers
)

// ourPause is what asynq's key holds where we paused. Asynq writes the time, and
// reads only whether there is anything.
const ourPause = "sluice"

// Paused says of each campaign whether its queue is paused: then no batch of it is
// handed out.
func (q *Queue) Paused(ctx context.Context, campaigns []string) ([]Pause, error) {
	asked := make([]*redis.StringCmd, len(campaigns))
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, campaign := range campaigns {
			asked[i] = p.Get(ctx, q.key(campaign, "paused"))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("looking for paused queues: %w", err)
	}
	paused := make([]Pause, len(campaigns))
	for i, a := range asked {
		switch {
		case errors.Is(a.Err(), redis.Nil):
		case a.Err() != nil:
			return nil, fmt.Errorf("looking for paused queues: %w", a.Err())
		case a.Val() == ourPause:
			paused[i] = PausedByUs
		default:
			paused[i] = PausedByOthers
		}
	}
	return paused, nil
}

// Hold pauses the queues of campaigns that are paused or halted. One that somebody
// else has paused stays so.
func (q *Queue) Hold(ctx context.Context, campaigns ...string) error {
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, campaign := range campaigns {
			p.SetNX(ctx, q.key(campaign, "paused"), ourPause, 0)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("pausing the queues of %d campaigns: %w", len(campaigns), err)
	}
	return nil
}

// releaseScript takes our own pause back. KEYS: paused. ARGV: what we write there.
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

// Release takes Hold back; a pause that somebody else has made stays.
func (q *Queue) Release(ctx context.Context, campaign string) error {
	if err := releaseScript.Run(ctx, q.rdb, []string{q.key(campaign, "paused")}, ourPause).Err(); err != nil {
		return fmt.Errorf("unpausing the queue of %s: %w", campaign, err)
	}
	return nil
}

// Unpause has a campaign's queue hand its batches out again, whoever paused it.
func (q *Queue) Unpause(ctx context.Context, campaign string) error {
	if err := q.rdb.Del(ctx, q.key(campaign, "paused")).Err(); err != nil {
		return fmt.Errorf("unpausing the queue of %s: %w", campaign, err)
	}
	return nil
}
