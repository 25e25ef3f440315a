package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"sluice/internal/keys"
)

// enqueuers is how many tasks are on their way to Redis at once: asynq has no
// call for many, and one at a time costs a round trip each.
const enqueuers = 32

// A Queue is what asynq holds of all campaigns: each has a queue of its own, named
// by a prefix and its id, for other applications may have theirs in the same Redis.
// It is safe for use by many goroutines.
type Queue struct {
	rdb    redis.UniversalClient
	client *asynq.Client
	prefix string
}

// NewQueue makes a Queue on rdb, which stays the caller's to close. Prefix is that of
// all programs on this Redis; DefaultPrefix if empty.
func NewQueue(rdb redis.UniversalClient, prefix string) *Queue {
	return &Queue{rdb: rdb, client: asynq.NewClientFromRedisClient(rdb), prefix: cmp.Or(prefix, DefaultPrefix)}
}

// Name is that of a campaign's queue.
func (q *Queue) Name(campaign string) string { return q.prefix + campaign }

// key is one of a campaign's queue's keys.
func (q *Queue) key(campaign, what string) string { return keys.Queue(q.Name(campaign), what) }

// Enqueue puts one batch into its campaign's queue under an epoch. A batch that
// is there already stays as it is: enqueueing is idempotent.
func (q *Queue) Enqueue(ctx context.Context, campaign string, batch, recipients, epoch int) error {
	r := Reference{Campaign: campaign, Batch: batch, Recipients: recipients}
	_, err := q.client.EnqueueContext(ctx, r.task(q.Name(campaign), epoch))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("enqueueing batch %d of %s: %w", batch, campaign, err)
	}
	return nil
}

// EnqueueAll enqueues each batch that has recipients, in about the order of the
// input. Sizes holds each batch's recipients.
func (q *Queue) EnqueueAll(ctx context.Context, campaign string, sizes []int) error {
	g, enqueuing := errgroup.WithContext(ctx)
	g.SetLimit(enqueuers)
	for n, recipients := range sizes {
		if recipients > 0 && enqueuing.Err() == nil {
			g.Go(func() error { return q.Enqueue(enqueuing, campaign, n, recipients, 0) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	q.tell(ctx, campaign)
	return nil
}

// tell wakes the workers for a campaign whose queue has got tasks. One that does not
// hear of it finds them later.
func (q *Queue) tell(ctx context.Context, campaign string) {
	_ = q.rdb.Publish(ctx, keys.Changes(), campaign).Err()
}
