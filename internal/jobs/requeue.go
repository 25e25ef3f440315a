package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// ErrTooManyTasks is about one campaign: its batches cannot be enqueued anew.
var ErrTooManyTasks = errors.New("asynq holds a hundred tasks of it; delete them in the queue's web UI")

// A Recovery brings back what is left to send: it rebuilds a campaign's queue from
// the ledger, and has a campaign go on that was over.
type Recovery struct {
	Queue     *Queue
	Ledger    *ledger.Ledger
	Campaigns *campaign.Store
}

// Requeue enqueues the batches that have recipients left, no task that is going to
// run and no worker that lives, and brings a finished campaign back if there are
// any. What workers that are gone had in flight is in doubt then. A campaign that
// is importing or cancelled stays as it is. It returns how many batches it enqueued.
func (r *Recovery) Requeue(ctx context.Context, id string) (int, error) {
	rec, err := r.Campaigns.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	if rec.State == campaign.Draft || rec.State == campaign.Importing || rec.State == campaign.Cancelled {
		return 0, nil
	}
	if _, err := r.Ledger.Reclaim(ctx, id); err != nil {
		return 0, err
	}
	open, err := r.Ledger.Open(ctx, id)
	if err != nil || len(open) == 0 {
		return 0, err
	}
	waiting, err := r.Queue.Waiting(ctx, id)
	if err != nil {
		return 0, err
	}
	g, enqueuing := errgroup.WithContext(ctx)
	g.SetLimit(enqueuers) // of a queue that was lost as a whole
	var n atomic.Int64
	for _, b := range open {
		if waiting[b.N] || b.Owner != "" || enqueuing.Err() != nil {
			continue
		}
		g.Go(func() error {
			err := r.Queue.EnqueueAnew(enqueuing, Reference{Campaign: id, Batch: b.N, Recipients: b.Recipients}, b.Epoch+1)
			if err == nil {
				n.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return int(n.Load()), err
	}
	return int(n.Load()), r.Reopen(ctx, id)
}

// Reopen has a finished campaign go on, for somebody is pending, and its rows expire
// no more. Cut short, it can be repeated; whoever runs the campaign does.
func (r *Recovery) Reopen(ctx context.Context, id string) error {
	if _, err := r.Campaigns.Reopen(ctx, id); err != nil {
		return err
	}
	rec, err := r.Campaigns.Get(ctx, id)
	if err != nil || !rec.Expiring || rec.State.Over() {
		return err
	}
	if err := r.Ledger.Keep(ctx, id); err != nil {
		return err
	}
	return r.Campaigns.Kept(ctx, id)
}

// EnqueueAnew enqueues a batch whose earlier tasks are over, but may still be
// held by asynq under their names, as completed, archived or at work.
func (q *Queue) EnqueueAnew(ctx context.Context, r Reference, epoch int) error {
	// A client that has enqueued before takes the queue for known, though it may have
	// been deleted since.
	if err := q.rdb.SAdd(ctx, keys.Queues(), q.Name(r.Campaign)).Err(); err != nil {
		return fmt.Errorf("enqueueing batch %d of %s: %w", r.Batch, r.Campaign, err)
	}
	for try := range 100 {
		_, err := q.client.EnqueueContext(ctx, r.task(q.Name(r.Campaign), epoch+try))
		if err == nil {
			q.tell(ctx, r.Campaign)
			return nil
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return fmt.Errorf("enqueueing batch %d of %s: %w", r.Batch, r.Campaign, err)
		}
	}
	return fmt.Errorf("enqueueing batch %d of %s: %w", r.Batch, r.Campaign, ErrTooManyTasks)
}

// Hasten has the tasks of a campaign that wait for a time run now: each finds for
// itself whom it may send to, and waits again for the others.
func (q *Queue) Hasten(ctx context.Context, campaign string) error {
	// Of a queue that it has not listed, asynq knows nothing but a fault.
	if listed, err := q.rdb.SIsMember(ctx, keys.Queues(), q.Name(campaign)).Result(); err != nil || !listed {
		return err
	}
	inspector := asynq.NewInspectorFromRedisClient(q.rdb)
	for _, run := range []func(string) (int, error){inspector.RunAllRetryTasks, inspector.RunAllScheduledTasks} {
		if _, err := run(q.Name(campaign)); err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
			return fmt.Errorf("running the waiting tasks of %s: %w", campaign, err)
		}
	}
	return nil
}
