package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

const (
	// missEvery is how often a worker looks whether another one is gone.
	missEvery = 300 * time.Millisecond
	// afterOutage is how long nothing is taken over once Redis was away: others come
	// back to it when they try again.
	afterOutage = 6 * time.Second
	// blindAtMost is how long this worker's standing still, again and again, may put
	// that off: on a machine or a Redis that is always slow, somebody must take over
	// at last. Others have beaten, if they live, once othersBeat has passed since.
	blindAtMost = 4 * afterOutage
	othersBeat  = 2 * beatEvery
	// recoverEvery is how often it looks for what somebody may have left.
	recoverEvery = 2 * time.Second
	// watchFor is how long after one has gone all that it may have left is looked for:
	// its heartbeat may outlast it, and its tasks' leases tell later than that.
	watchFor = aliveFor + stalledAfter + 3*recoverEvery
	// ownersEvery and leasesEvery are how often the same is looked for of each
	// campaign where nobody is known to be gone. Leases are only where tasks are in
	// somebody's hands.
	ownersEvery = 30 * time.Second
	leasesEvery = 4 * time.Second
)

// recover takes over the batches whose worker is gone. While heartbeats may be
// missing of workers that live, since Redis was away, it takes nothing.
func (w *Worker) recover(ctx context.Context) {
	if !w.seesOthers() {
		return
	}
	w.settleOver(ctx)
	if err := w.tryRecover(ctx); err != nil {
		w.redisFailed(ctx, "", err)
	}
}

func (w *Worker) tryRecover(ctx context.Context) error {
	if err := w.countFleet(ctx); err != nil {
		return err
	}
	now := time.Now()
	watch := now.Before(w.watchUntil)
	var owners, leases []string
	for id, c := range w.campaigns {
		if !c.due || c.server.stopping() || now.Before(c.brokenUntil) {
			continue
		}
		if watch || !now.Before(c.ownersAt) {
			owners = append(owners, id)
			c.ownersAt = now.Add(ownersEvery)
		}
		if (watch || !now.Before(c.leasesAt)) && (c.active > 0 || c.server != nil && c.server.busy()) {
			leases = append(leases, id)
			c.leasesAt = now.Add(leasesEvery)
		}
	}
	return errors.Join(w.takeOrphans(ctx, owners), w.takeStalledTasks(ctx, leases, now))
}

// miss looks whether a worker has gone, and takes over at once what it had.
func (w *Worker) miss(ctx context.Context) {
	if !w.seesOthers() {
		return
	}
	watched := w.watchUntil
	if err := w.countFleet(ctx); err != nil {
		w.redisFailed(ctx, "", err)
	} else if w.watchUntil != watched {
		w.recover(ctx)
	}
}

// seesOthers says that heartbeats are not missing for a reason that is this worker's
// too: Redis was away, or the machine stood still. Nobody else brings back what is in
// the hands of workers that are gone: asynq does so only where a queue is served, and
// this one is not while no task waits in it.
func (w *Worker) seesOthers() bool {
	life, now := w.heartbeat.Incarnation(), time.Now()
	if life != w.life {
		w.life, w.stoodStillAt = life, now
		if w.blindSince.IsZero() {
			w.blindSince = now
			w.Log.Info().Msg("this worker stood still, or another Redis answers: nobody is taken over until others had time to come back")
		}
	}
	if w.heartbeat.Lapsed(life) || now.Sub(w.redisFailedAt) < afterOutage {
		return false
	}
	still := now.Sub(w.stoodStillAt)
	if still >= afterOutage {
		w.blindSince = time.Time{}
		return true
	}
	return still >= othersBeat && now.Sub(w.blindSince) >= blindAtMost
}

// countFleet looks which workers live. That one has gone, or has left, is when
// batches may be without their worker.
func (w *Worker) countFleet(ctx context.Context) error {
	beats, err := w.Ledger.Fleet(ctx)
	if err != nil {
		return err
	}
	was := w.fleet
	w.fleet = make(map[string]bool, len(beats))
	for _, b := range beats {
		w.fleet[b.Worker] = true
	}
	for worker := range was {
		if !w.fleet[worker] {
			w.watchUntil = time.Now().Add(watchFor)
		}
	}
	return nil
}

// takeOrphans takes over the batches that workers hold who are not of the fleet.
func (w *Worker) takeOrphans(ctx context.Context, ids []string) error {
	owners, err := w.Ledger.Owners(ctx, ids...)
	if err != nil {
		return err
	}
	for id, workers := range owners {
		if !w.anyGone(workers) {
			continue
		}
		orphans, err := w.Ledger.Orphans(ctx, id)
		if err != nil {
			w.redisFailed(ctx, id, err)
			continue
		}
		for _, o := range orphans {
			w.takeOver(ctx, w.campaigns[id], o)
		}
		w.campaigns[id].ownersAt = time.Time{} // until nothing is left
	}
	return nil
}

func (w *Worker) anyGone(workers []string) bool {
	for _, worker := range workers {
		if !w.fleet[worker] {
			return true
		}
	}
	return false
}

// takeOver sends a batch here whose worker is gone, and returns false if this
// worker has enough to do, or cannot send the campaign.
func (w *Worker) takeOver(ctx context.Context, c *supervised, o ledger.Orphan) bool {
	return w.open(ctx, c) && c.server.takeOver(o)
}

// redisFailed notes that Redis did not answer about a campaign, or at all. An
// error that is about the campaign alone is only told of.
func (w *Worker) redisFailed(ctx context.Context, campaign string, err error) {
	var corrupt *ledger.CorruptError
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &corrupt), errors.Is(err, jobs.ErrTooManyTasks):
		w.Log.Error().Err(err).Str("campaign", campaign).Msg("this campaign cannot be looked after; producer verify says more")
	default:
		w.redisFailedAt, w.blindSince = time.Now(), time.Time{} // others come back when Redis has
		w.metrics.redisError()
		w.Log.Warn().Err(err).Msg("Redis does not answer; nothing is submitted until it does")
	}
}
