package receipt

import (
	"context"
	"time"

	"sluice/internal/spool"
)

const (
	// recordsAtOnce is how many records are applied together.
	recordsAtOnce = 5000
	// gather is how long a few records wait for more, so that batches are changed
	// once for many.
	gather = 100 * time.Millisecond
	// sweepEvery is how often what changes without a receipt is counted anew.
	sweepEvery = 5 * time.Second
)

// Run applies what comes into a spool until ctx ends, in order. How far it is it
// notes once Redis has kept it for a while: what Redis has lost by then is applied
// again. While Redis fails it tries again and goes no further, and tell is told.
func (a *Applier) Run(ctx context.Context, s *spool.Spool, tell func(error)) {
	failed := func(err error) {
		if err != nil && ctx.Err() == nil {
			tell(err)
		}
	}
	m := newMark(a.book, s, a.o.Now())
	swept := a.o.Now()
	for ctx.Err() == nil {
		waiting, stop := context.WithTimeout(ctx, min(sweepEvery, markEvery))
		err := s.Wait(waiting, m.at)
		stop()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			pause(ctx, gather)
			m.at = a.applyNext(ctx, s, m.at, tell)
		}
		now := a.o.Now()
		failed(m.follow(ctx, now))
		if now.Sub(swept) >= sweepEvery {
			swept = now
			failed(a.Sweep(ctx))
		}
	}
}

// applyNext applies the next records, and returns where to go on.
func (a *Applier) applyNext(ctx context.Context, s *spool.Spool, at spool.Position, tell func(error)) spool.Position {
	some, next, damaged, err := s.Read(at, recordsAtOnce)
	if err != nil {
		tell(err)
		pause(ctx, time.Second)
		return at
	}
	if damaged > 0 {
		a.o.Count("", "damaged_bytes", int(damaged))
	}
	records := make([]spool.Record, len(some))
	for i := range some {
		records[i] = some[i].Record
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := a.Apply(ctx, records)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return at
		}
		tell(err)
		if pause(ctx, wait); ctx.Err() != nil {
			return at
		}
	}
	return next
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
