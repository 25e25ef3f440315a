package worker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	// aliveFor is how long a worker counts as alive without a heartbeat, and
	// beatEvery how often it gives one. A batch whose worker is gone for so long is
	// given to another; the old one can begin nothing any more.
	aliveFor  = 2500 * time.Millisecond
	beatEvery = 300 * time.Millisecond
	// lapseMargin is how long before its heartbeat expires a worker takes itself for
	// gone.
	lapseMargin = 800 * time.Millisecond
	// beatWithin bounds one heartbeat to a Redis that does not answer.
	beatWithin = 3 * time.Second
)

// A heartbeat says to others, and to this worker itself, that it is alive. It
// costs no command to ask.
type heartbeat struct {
	give func(ctx context.Context) error // gives one, which lasts for aliveFor
	log  zerolog.Logger

	lastBeat    atomic.Pointer[time.Time] // when the last one was given that Redis has
	incarnation atomic.Int64
	// doubted is since when nobody knows whether Redis has all that it had; nil: it has.
	doubted atomic.Pointer[time.Time]
}

// doubt has this worker begin nothing until doubted is nil again.
func (h *heartbeat) doubt() {
	now := time.Now()
	h.doubted.Store(&now)
	h.incarnation.Add(1)
}

// beat gives one heartbeat. One later than aliveFor starts a new incarnation,
// since others may have taken this worker's batches over.
func (h *heartbeat) beat(ctx context.Context) error {
	given := time.Now()
	if err := h.give(ctx); err != nil {
		return err
	}
	if before := h.lastBeat.Load(); before != nil && given.Sub(*before) > aliveFor-lapseMargin {
		h.incarnation.Add(1) // before lastBeat says that this worker is alive again
	}
	h.lastBeat.Store(&given)
	return nil
}

// beatLoop gives heartbeats until ctx ends.
func (h *heartbeat) beatLoop(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			short, cancel := context.WithTimeout(ctx, beatWithin)
			if err := h.beat(short); err != nil && ctx.Err() == nil {
				h.log.Warn().Err(err).Msg("no heartbeat given: Redis does not answer")
			}
			cancel()
		}
	}
}

// Incarnation changes when heartbeats had stopped for so long that others may
// have taken this worker for gone.
func (h *heartbeat) Incarnation() int64 { return h.incarnation.Load() }

// Lapsed says that since that incarnation others may have taken this worker for
// gone, and its batches over: it stood still, or Redis was away. What it had begun
// and not submitted is not its own any more. So it is while Redis is in doubt.
func (h *heartbeat) Lapsed(incarnation int64) bool {
	last := h.lastBeat.Load()
	return last == nil || h.doubted.Load() != nil || time.Since(*last) > aliveFor-lapseMargin || h.incarnation.Load() != incarnation
}
