package ratelimit

import (
	"context"
	"errors"
	"time"
)

const (
	// tolerance is how late a message may go out in its slot. It bounds what a
	// second can hold beyond the limit: 1.5 %.
	tolerance = 15 * time.Millisecond
	// staleAfter is how old a grant without a limit may be: it is no pace, only
	// proof that the process was not stopped in between.
	staleAfter = 2 * time.Second
)

// ErrLate means that a message's slot has passed; it must not go out.
var ErrLate = errors.New("the time slot has passed")

// A Grant is leave for N messages, each at its time.
type Grant struct {
	N int

	start  time.Time     // of the first message
	step   time.Duration // between two; 0: all at the first's time
	free   bool          // there is no limit: any time will do
	bucket int64
	s      *Sender
}

// Begun tells how early the grant could be acted on, so that the next ones are
// handed out early enough.
func (g *Grant) Begun() {
	if !g.free {
		g.s.lead.arrived(time.Until(g.start))
	}
}

// Wait waits until message i is due. It returns ErrLate if that time has passed,
// or ctx's error.
func (g *Grant) Wait(ctx context.Context, i int) error {
	due := g.start.Add(time.Duration(i) * g.step)
	late := time.Since(due)
	if g.free {
		if late > staleAfter {
			return ErrLate
		}
		return nil
	}
	if late < 0 {
		t := time.NewTimer(-late)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		late = time.Since(due)
	}
	if late > tolerance {
		return ErrLate
	}
	return nil
}

// Late says that message i's slot has passed already.
func (g *Grant) Late(i int) bool {
	return !g.free && time.Since(g.start.Add(time.Duration(i)*g.step)) > tolerance
}

// Unused gives back, to the count of 24 hours, messages of the grant that were
// not accepted. Their slots stay lost.
func (g *Grant) Unused(n int) {
	if g.s == nil || g.bucket == 0 {
		return
	}
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.s.lose(g.bucket, n)
}
