package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/schema"
)

// lapseMargin is how long before its sign of life ends a worker takes itself for
// gone.
const lapseMargin = time.Second

// alive gives one sign of life. One that comes too late begins another life.
func (w *Worker) alive(ctx context.Context) error {
	given := time.Now()
	if err := w.Ledger.Beat(ctx, ledger.Heartbeat{Worker: w.ID, Version: w.Version, Revision: schema.Revision}, aliveFor); err != nil {
		return err
	}
	if before := w.lived.Load(); before != nil && given.Sub(*before) > aliveFor-lapseMargin {
		w.lives.Add(1) // before lived says that it is over
	}
	w.lived.Store(&given)
	return nil
}

// Lapsed says that since that life others may have taken this worker for gone,
// and its batches over: it stood still, or Redis was away. What it had begun and
// not submitted is not its own any more. Asked before each submission, it costs
// no command.
func (w *Worker) Lapsed(life int64) bool {
	given := w.lived.Load()
	return given == nil || time.Since(*given) > aliveFor-lapseMargin || w.lives.Load() != life
}

// live gives signs of life until ctx ends.
func (w *Worker) live(ctx context.Context) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			short, cancel := context.WithTimeout(ctx, aliveFor/2)
			if err := w.alive(short); err != nil && ctx.Err() == nil {
				w.Log.Warn().Err(err).Msg("no sign of life given: Redis does not answer")
			}
			cancel()
		}
	}
}

// away notes that Redis did not answer about a campaign, or at all. An error that
// is about the campaign alone is only told of.
func (w *Worker) away(ctx context.Context, campaign string, err error) {
	var corrupt *ledger.CorruptError
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &corrupt), errors.Is(err, jobs.ErrTooManyTasks):
		w.Log.Error().Err(err).Str("campaign", campaign).Msg("this campaign cannot be looked after; producer verify says more")
	default:
		w.trouble = time.Now()
		w.metrics.redisError()
		w.Log.Warn().Err(err).Msg("Redis does not answer; nothing is submitted until it does")
	}
}

// Incarnation counts this worker's lives: it changes when signs of life had ended and
// began again.
func (w *Worker) Incarnation() int64 { return w.lives.Load() }

// recover takes over the batches whose worker is gone. It also finishes campaigns
// whose last worker died at the very end.
func (w *Worker) recover(ctx context.Context) {
	for id, s := range w.servers {
		if time.Since(w.trouble) < aliveFor {
			return
		}
		if s.stopped {
			continue
		}
		if err := w.lookAfter(ctx, id, s); err != nil {
			w.away(ctx, id, err)
		}
	}
}

func (w *Worker) lookAfter(ctx context.Context, id string, s *server) error {
	orphans, err := w.Ledger.Orphans(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		s.takeOver(o)
	}
	if err := w.unrenewed(ctx, s); err != nil {
		return err
	}
	finished, err := w.Campaigns.Finish(ctx, id)
	if err != nil || finished {
		return err
	}
	return w.unstick(ctx, id)
}
