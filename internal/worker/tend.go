package worker

import (
	"context"
	"time"

	"sluice/internal/jobs"
)

const (
	// lookEvery is how often the queue of a campaign that is due is looked at, for
	// tasks that this worker was not told of.
	lookEvery = 15 * time.Second
	// lookAhead is how long before a task's time the queue is served: asynq looks for
	// tasks whose time has come once a second, first a second after the start.
	lookAhead = 1500 * time.Millisecond
	// idleAfter is how long a queue is served without work until that is looked at.
	idleAfter = 2 * time.Second
	// batchesAtFirst is how many batches of a campaign are taken at once: one that is
	// being sent, and one that follows. More are as soon as these have begun everybody,
	// with wantEvery between two looks for them.
	batchesAtFirst = 2
	wantEvery      = 5 * time.Millisecond
	// tendAtMost is how many queues are looked at in one step, and quietAtMost how many
	// crews may have nothing to do when more are taken in. A thousand campaigns that become
	// due at once, with nothing to do yet, would cost a thousand connections.
	tendAtMost  = 64
	quietAtMost = 64
)

// tend serves the queues in which tasks wait, and lets go of those in which none
// do. It costs one round trip.
func (w *Worker) tend(ctx context.Context) {
	now := time.Now()
	ids := w.toLookAt(now)
	if len(ids) == 0 {
		return
	}
	backlogs, err := w.queue.Backlogs(ctx, ids...)
	if err != nil {
		w.redisFailed(ctx, "", err)
		return
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			return
		}
		w.serve(ctx, w.campaigns[id], backlogs[id], now)
	}
}

// toLookAt are the campaigns whose queues are to be looked at now: those that were
// just changed, and of the others a few, and none that would need a new crew while
// many have nothing to do.
func (w *Worker) toLookAt(now time.Time) []string {
	crowded := w.quiet.Load() >= quietAtMost
	var urgent, others []string
	for id, c := range w.campaigns {
		switch {
		case !c.due || c.server.stopping() || now.Before(c.lookAt) || now.Before(c.brokenUntil):
		case c.urgent:
			urgent = append(urgent, id)
		case crowded && !c.server.idles():
		case len(others) < tendAtMost:
			others = append(others, id)
		default:
			w.wakes.ring() // for the rest of them
		}
	}
	return append(urgent, others...)
}

// serve does what a campaign's queue asks for.
func (w *Worker) serve(ctx context.Context, c *supervised, b jobs.Backlog, now time.Time) {
	c.active, c.lookAt, c.urgent = b.Active, now.Add(lookEvery), false
	wanting := c.server != nil && c.server.wanting.Swap(false)
	switch due := b.Due(now.Add(lookAhead)); {
	case due > 0:
		w.hire(ctx, c, due, wanting)
		if c.server != nil && !c.server.busy() {
			c.lookAt = now.Add(idleAfter)
		}
	case c.server != nil && c.server.busy():
	default:
		if c.server != nil {
			c.server.rest()
		}
		if len(b.Later) == 0 {
			if err := w.end(ctx, c, c.nothingRuns(b), now); err != nil {
				w.redisFailed(ctx, c.brief.ID, err)
			}
		}
	}
	if !c.nothingRuns(b) {
		c.emptySince = time.Time{}
	}
	for _, at := range b.Later {
		if at.After(now.Add(lookAhead)) && at.Add(-lookAhead).Before(c.lookAt) {
			c.lookAt = at.Add(-lookAhead)
			break
		}
	}
}

// nothingRuns says that no task of a queue is going to run: there is none, or all are
// in the hands of workers that are gone, and their batches were looked after. Asynq
// would take those back where the queue is served, and it is not while none waits.
func (c *supervised) nothingRuns(b jobs.Backlog) bool {
	dead := 0
	for _, l := range c.leases {
		if l.taken {
			dead++
		}
	}
	return b.Pending == 0 && len(b.Later) == 0 && dead >= b.Active
}

// hire has a campaign's tasks taken: by two batches at once, and by more where those
// have nobody left to begin and wait for their last answers. A server asks for more
// as long as it has places that are free, so it gets no more of them than there are
// tasks.
func (w *Worker) hire(ctx context.Context, c *supervised, tasks int, wanting bool) {
	if !w.open(ctx, c) {
		return
	}
	places, free := c.server.places()
	most := min(batchesAtFirst, w.Batches)
	if wanting {
		most = min(max(most, places+max(1, places/4)), w.Batches)
	}
	if n := min(tasks, most-places); free == 0 && n > 0 {
		if err := c.server.hire(n); err != nil {
			w.redisFailed(ctx, c.brief.ID, err)
		}
	}
}

// open makes what a campaign needs to be sent here, if it is not there yet.
func (w *Worker) open(ctx context.Context, c *supervised) bool {
	if c.server != nil {
		return !c.server.stopped
	}
	server, err := w.newServer(ctx, c.brief.ID)
	switch {
	case ctx.Err() != nil: // the worker is stopping
	case err != nil:
		// Nobody is lost: the batches stay in the queue for a worker that can.
		w.Log.Error().Err(err).Str("campaign", c.brief.ID).Msg("cannot send this campaign")
		c.brokenUntil = time.Now().Add(retryBroken)
		c.lookAt = c.brokenUntil
	case server == nil:
		c.lookAt = time.Time{} // its sender is about to be opened anew
	default:
		c.server = server
		w.Log.Info().Str("campaign", c.brief.ID).Msg("sending campaign")
	}
	return c.server != nil
}

// end finishes a campaign that runs and has no task which waits, if nobody is left.
// Where somebody is, and its queue stays empty, it is rebuilt: a task was lost, or a
// worker died after it had brought a batch back and before it had enqueued it.
func (w *Worker) end(ctx context.Context, c *supervised, empty bool, now time.Time) error {
	id := c.brief.ID
	finished, err := w.Campaigns.Finish(ctx, id)
	if err != nil || finished || !empty {
		return err
	}
	c.lookAt = now.Add(recoverEvery)
	if c.emptySince.IsZero() {
		c.emptySince = now // it may be on its way into the queue
	}
	if now.Sub(c.emptySince) < recoverEvery {
		return nil
	}
	n, err := w.recovery.Requeue(ctx, id)
	if n > 0 {
		w.Log.Warn().Str("campaign", id).Int("batches", n).Msg("batches without a task enqueued again")
	}
	return err
}
