package ratelimit

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

const (
	// tolerance is how late a message may go out in its slot. It bounds what a
	// second can hold beyond the limit: 1.5 %.
	tolerance = 15 * time.Millisecond
	// staleGrant is how old a grant without a limit may be: it is no pace, only
	// proof that the process was not stopped in between.
	staleGrant = 2 * time.Second
)

// ErrLate means that a message's slot has passed; it must not go out.
var ErrLate = errors.New("the time slot has passed")

// A Grant is leave for N messages, each at its time.
type Grant struct {
	N int

	times  []time.Time // of the messages; those of one submission have one
	free   bool        // there is no limit: any time will do
	bucket int64
	s      *Sender
}

// A span is a slot on this worker's clock.
type span struct {
	n      int
	start  time.Time
	step   time.Duration
	whole  bool
	bucket int64 // of the day; 0: none
}

// end is when the span's last message has gone.
func (s span) end() time.Time { return s.start.Add(time.Duration(s.n) * s.step) }

// cut takes n messages off the span, and says when each of them is due: a limiter
// of burst one at the span's step tells by its reservations.
func (s *span) cut(n int) []time.Time {
	if s.whole {
		s.n -= n
		return []time.Time{s.start}
	}
	pace := rate.NewLimiter(rate.Every(s.step), 1)
	due := make([]time.Time, n)
	for i := range due {
		due[i] = s.start.Add(pace.ReserveN(s.start, 1).DelayFrom(s.start))
	}
	s.n, s.start = s.n-n, s.start.Add(time.Duration(n)*s.step)
	return due
}

// late is how many of the span's messages are late at a time.
func (s span) late(now time.Time) int {
	late := now.Sub(s.start)
	switch {
	case late <= 0:
		return 0
	case s.step == 0:
		return s.n
	}
	return min(s.n, int(late/s.step)+1)
}

// Paced says that the grant's messages go out at their times and at no other.
func (g *Grant) Paced() bool { return !g.free }

func (g *Grant) due(i int) time.Time { return g.times[min(i, len(g.times)-1)] }

// Begun tells how early the grant could be acted on, so that the next ones are
// handed out early enough.
func (g *Grant) Begun() {
	if !g.free {
		g.s.lead.arrived(time.Until(g.due(0)))
	}
}

// Wait waits until message i is due. It returns ErrLate if that time has passed,
// or ctx's error.
func (g *Grant) Wait(ctx context.Context, i int) error {
	if g.free {
		if time.Since(g.times[0]) > staleGrant {
			return ErrLate
		}
		return nil
	}
	if err := until(ctx, g.due(i)); err != nil {
		return err
	}
	if g.Late(i) {
		return ErrLate
	}
	return nil
}

// until waits until a time, if that is to come.
func until(ctx context.Context, at time.Time) error {
	d := time.Until(at)
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Late says that message i's slot has passed already.
func (g *Grant) Late(i int) bool { return !g.free && time.Since(g.due(i)) > tolerance }

// Refund gives back, to the count of 24 hours, messages of the grant that were not
// accepted. Their slots stay lost.
func (g *Grant) Refund(n int) {
	if g.s == nil || g.bucket == 0 {
		return
	}
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.s.refund(g.bucket, n)
}
