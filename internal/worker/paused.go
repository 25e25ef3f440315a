package worker

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/jobs"
)

// codeQueuePaused is the code of a campaign whose queue was paused.
const codeQueuePaused = "queue_paused"

// agreeEvery is how often the queue of a campaign that is not sent is made to agree
// with it, if nothing has happened to the campaign meanwhile.
const agreeEvery = 30 * time.Second

// agreeWithQueues has the queues and the campaigns say the same: a campaign whose
// queue somebody has paused is paused, and the queue of one that is paused or halted
// is too; a cancelled one's has no tasks that wait.
func (w *Worker) agreeWithQueues(ctx context.Context) {
	w.heedPausedQueues(ctx)
	var held []string
	for id, c := range w.campaigns {
		if c.forgotten || time.Since(c.agreedAt) < agreeEvery {
			continue
		}
		switch c.brief.State {
		case campaign.Paused, campaign.Halted:
			held = append(held, id)
		case campaign.Cancelled:
			if c.server != nil {
				continue // it gives its tasks back when it stops
			}
			if err := w.queue.Purge(ctx, id); err != nil {
				w.redisFailed(ctx, id, err)
				continue
			}
		case campaign.Draft, campaign.Importing, campaign.Scheduled, campaign.Running, campaign.Finished:
		}
		c.agreedAt = time.Now()
	}
	if len(held) == 0 {
		return
	}
	if err := w.queue.Hold(ctx, held...); err != nil {
		w.redisFailed(ctx, "", err)
		for _, id := range held {
			w.campaigns[id].agreedAt = time.Time{}
		}
	}
}

// heedPausedQueues pauses the campaigns that are served here and whose queue
// somebody has paused, in asynq's web UI or by its command: it may be an emergency
// stop, and would stop only what has not begun yet.
func (w *Worker) heedPausedQueues(ctx context.Context) {
	var running []string
	for id, c := range w.campaigns {
		if c.server != nil && !c.server.stopped && c.server.serves() {
			running = append(running, id)
		}
	}
	if len(running) == 0 {
		return
	}
	w.stopPaused(ctx, running, func(id string) { w.campaigns[id].server.stopSoon() })
}

// stopPaused pauses those of the campaigns whose queue somebody has paused, each
// after its stop here.
func (w *Worker) stopPaused(ctx context.Context, running []string, stop func(id string)) {
	paused, err := w.queue.Paused(ctx, running)
	if err != nil {
		w.redisFailed(ctx, "", err)
		return
	}
	for i, id := range running {
		switch paused[i] {
		case jobs.NotPaused:
		case jobs.PausedByUs:
			w.releaseRunning(ctx, id)
		case jobs.PausedByOthers:
			stop(id)
			reason := fmt.Sprintf("%s: its queue was paused in the web UI, or by asynq's command; `producer resume %s` ends both", codeQueuePaused, id)
			moved, err := w.Campaigns.PauseFor(ctx, id, codeQueuePaused, reason)
			if err != nil {
				w.redisFailed(ctx, id, err)
			} else if moved {
				w.Log.Warn().Str("campaign", id).Msg("campaign paused: its queue was paused")
			}
		}
	}
}

// releaseRunning takes a pause of ours back where the campaign runs after all: who
// made it saw the campaign as it was before.
func (w *Worker) releaseRunning(ctx context.Context, id string) {
	now, err := w.Campaigns.Briefs(ctx, id)
	if err == nil && len(now) == 1 && now[0].State == campaign.Running {
		err = w.queue.Release(ctx, id)
	}
	if err != nil {
		w.redisFailed(ctx, id, err)
	}
	w.wakes.add(id)
}
