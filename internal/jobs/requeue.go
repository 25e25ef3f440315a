package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// ErrTooManyTasks is about one campaign: its batches cannot be enqueued anew.
var ErrTooManyTasks = errors.New("asynq holds a hundred tasks of it; delete them in the queue's web UI")

// A Recovery rebuilds a campaign's queue from the ledger: whatever is left to
// send there has a task, or gets one.
type Recovery struct {
	Redis     redis.UniversalClient
	Ledger    *ledger.Ledger
	Campaigns *campaign.Store
}

// Requeue enqueues the batches that have recipients left, no task that will run
// and no worker, and brings a finished campaign back if there are any. A
// campaign that is importing or cancelled stays as it is. It returns how many
// batches it enqueued.
func (r *Recovery) Requeue(ctx context.Context, id string) (int, error) {
	rec, err := r.Campaigns.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	if rec.State == campaign.Importing || rec.State == campaign.Cancelled {
		return 0, nil
	}
	open, err := r.Ledger.Open(ctx, id)
	if err != nil || len(open) == 0 {
		return 0, err
	}
	queued, err := r.queued(id)
	if err != nil {
		return 0, err
	}
	owners, err := r.Redis.HGetAll(ctx, keys.Owners(id)).Result()
	if err != nil {
		return 0, fmt.Errorf("looking at the batches of %s: %w", id, err)
	}
	n, queue := 0, NewQueue(r.Redis)
	for _, b := range open {
		field := strconv.Itoa(b.N)
		if queued[b.N] || owners[field] != "" {
			continue
		}
		epoch, err := r.Redis.HGet(ctx, keys.Claims(id), field).Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			return n, fmt.Errorf("looking at batch %d of %s: %w", b.N, id, err)
		}
		if err := queue.EnqueueAnew(ctx, Reference{Campaign: id, Batch: b.N, Recipients: b.Recipients}, epoch+1); err != nil {
			return n, err
		}
		n++
	}
	if n > 0 {
		_, err = r.Campaigns.Reopen(ctx, id)
	}
	return n, err
}

// queued are the batches that have a task which is going to run.
func (r *Recovery) queued(id string) (map[int]bool, error) {
	inspector := asynq.NewInspectorFromRedisClient(r.Redis)
	queued := map[int]bool{}
	for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		inspector.ListPendingTasks, inspector.ListActiveTasks, inspector.ListRetryTasks, inspector.ListScheduledTasks,
	} {
		for page := 1; ; page++ {
			tasks, err := list(id, asynq.Page(page), asynq.PageSize(1000))
			if errors.Is(err, asynq.ErrQueueNotFound) {
				return queued, nil
			}
			if err != nil {
				return nil, fmt.Errorf("listing the tasks of %s: %w", id, err)
			}
			for _, t := range tasks {
				if ref, err := parseReference(t.Payload); err == nil {
					queued[ref.Batch] = true
				}
			}
			if len(tasks) < 1000 {
				break
			}
		}
	}
	return queued, nil
}

// EnqueueAnew enqueues a batch whose earlier tasks are over, but may still be
// held by asynq under their names, as completed or archived.
func (q *Queue) EnqueueAnew(ctx context.Context, r Reference, epoch int) error {
	for try := range 100 {
		_, err := q.client.EnqueueContext(ctx, r.task(epoch+try))
		if err == nil {
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
func (q *Queue) Hasten(campaign string) error {
	inspector := asynq.NewInspectorFromRedisClient(q.rdb)
	for _, run := range []func(string) (int, error){inspector.RunAllRetryTasks, inspector.RunAllScheduledTasks} {
		if _, err := run(campaign); err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
			return fmt.Errorf("running the waiting tasks of %s: %w", campaign, err)
		}
	}
	return nil
}
