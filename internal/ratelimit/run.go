package ratelimit

import (
	"context"
	"time"
)

// run is the sender's goroutine: it hands slots out, asks for more while somebody
// waits, and shows each second that this worker takes part.
func (s *Sender) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-s.closed
		cancel()
	}()
	s.ask(ctx)
	timer := time.NewTimer(beatEvery)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		next := s.serveAll(now)
		if at := s.nextAsk(); !at.After(now) {
			s.mu.Lock()
			s.asking = true
			s.mu.Unlock()
			s.running.Go(func() {
				s.ask(ctx)
				s.poke()
			})
			continue
		} else if next.IsZero() || at.Before(next) {
			next = at
		}
		timer.Reset(max(0, time.Until(next)))
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	s.leave()
}

// serveAll serves all campaigns that are due, and says when the next one is.
func (s *Sender) serveAll(now time.Time) (next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.order {
		if l.next.IsZero() {
			continue
		}
		if !l.next.After(now) {
			s.serve(l, now)
		}
		if !l.next.IsZero() && (next.IsZero() || l.next.Before(next)) {
			next = l.next
		}
	}
	return next
}

// hunger notes when to ask for a campaign that wants more than anybody knows. The
// caller holds the lock.
func (s *Sender) hunger(l *lane, now time.Time) {
	want, _ := l.demand(now)
	if want <= l.asked || float64(l.asked) >= s.answer.head.rate(s.answer.now)*(s.turn().reach+planFor).Seconds() {
		return // known, or as much as a plan hands out
	}
	at := now
	if _, ends := l.inHand(); !ends.IsZero() {
		at = ends.Add(-s.turn().reach - planFor/4)
	}
	if s.freshAt.IsZero() || at.Before(s.freshAt) {
		s.freshAt = at
	}
}

// nextAsk is when Redis is asked next.
func (s *Sender) nextAsk() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking {
		return time.Now().Add(askWithin) // it wakes when it is done
	}
	every := beatEvery
	if !s.settled || !s.wasBusy && s.flight.busy() {
		every /= 5
	}
	at := s.askedAt.Add(every)
	if s.force {
		at = s.askedAt
	}
	for _, sooner := range []time.Time{s.askAfter, s.freshAt} {
		if !sooner.IsZero() && sooner.Before(at) {
			at = sooner
		}
	}
	return later(later(at, s.askedAt.Add(askGap)), s.backoffUntil)
}

// flushRefunds returns to the day what was not accepted. What cannot be returned
// stays counted: the limit is kept, not used up.
func (s *Sender) flushRefunds(ctx context.Context) {
	s.mu.Lock()
	back := s.refunds
	s.refunds = map[int64]int{}
	s.mu.Unlock()
	for bucket, n := range back {
		if err := s.store.refund(ctx, bucket, n); err != nil {
			s.l.o.Log.Debug().Err(err).Str("sender", s.name).Msg("unused messages of the day not refunded")
			continue
		}
		s.mu.Lock()
		s.dayFull = time.Time{}
		s.mu.Unlock()
	}
}

// leave takes this worker off the list, so that the others get its share.
func (s *Sender) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.mu.Lock()
	s.refundAll()
	s.mu.Unlock()
	s.flushRefunds(ctx)
	if err := s.store.forget(ctx, s.l.o.Worker); err != nil {
		s.l.o.Log.Debug().Err(err).Str("sender", s.name).Msg("left to expire")
	}
}
