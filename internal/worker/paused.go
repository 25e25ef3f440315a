package worker

import (
	"context"
	"fmt"
)

// codeQueuePaused is the code of a campaign whose queue was paused.
const codeQueuePaused = "queue_paused"

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

// stopPaused pauses those of the campaigns whose queue is paused, each after its
// stop here.
func (w *Worker) stopPaused(ctx context.Context, running []string, stop func(id string)) {
	paused, err := w.queue.Paused(ctx, running)
	if err != nil {
		w.redisFailed(ctx, "", err)
		return
	}
	for i, id := range running {
		if !paused[i] {
			continue
		}
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
