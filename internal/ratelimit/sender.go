package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// mostWanted is the most that one worker tells it wants of one campaign: more than
// a plan ever hands out.
const mostWanted = 100_000

// A Sender is this worker's share of one sender's pace. One goroutine hands slots
// out to all batches that wait, and another asks for more.
type Sender struct {
	l       *Limiter
	name    string
	store   store
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once
	wake    chan struct{}
	flight  flight
	clock   clock
	lead    lead

	mu      sync.Mutex
	lim     Limits
	answer  answer // what was learned last
	lanes   map[string]*lane
	order   []*lane           // the same
	ids     map[uint64]string // of the lanes, by key
	refunds map[int64]int     // of the day, by bucket
	sent    rateMeter
	dayFull time.Time
	// handedUntil is when the last message goes out that was handed out here.
	handedUntil time.Time
	paused      time.Time // the provider wants nothing before
	unsaved     time.Time // a pause that an answer which was asked for before savedAt does not know
	savedAt     time.Time // zero: Redis does not know it either

	asking        bool
	force         bool      // the limits have changed
	askedAt       time.Time // when it was asked last
	askAfter      time.Time // when what is wanted and has no slot is asked for again; zero: it is not
	freshAt       time.Time // when what is wanted and not told yet is asked for; zero: there is none
	backoffUntil  time.Time // Redis is left alone until then
	rtt           time.Duration
	next          time.Time // all before is known to be handed out
	jumped        bool      // Redis' clock went forward, and no plan knows of it
	wasBusy       bool
	settled       bool // in flight, each worker has its equal share
	inFlightShare int
}

func newSender(l *Limiter, name string, lim Limits, st store) *Sender {
	s := &Sender{
		l: l, name: name, store: st, closed: make(chan struct{}), wake: make(chan struct{}, 1), lim: lim,
		lanes: map[string]*lane{}, ids: map[uint64]string{}, refunds: map[int64]int{},
		answer: answer{head: head{throttling: throttling{Factor: 1}}}, inFlightShare: lim.InFlight,
	}
	s.flight.init(lim.InFlight)
	return s
}

// SetLimits changes the limits, for all workers if their stamp is the newest.
func (s *Sender) SetLimits(lim Limits) {
	s.mu.Lock()
	s.lim, s.force = lim, true
	s.refundAll()
	s.dayFull, s.backoffUntil = time.Time{}, time.Time{}
	for _, l := range s.lanes {
		clear(l.returning)
	}
	s.mu.Unlock()
	s.poke()
}

// Close ends this worker's part. Whoever waits gets an error.
func (s *Sender) Close() {
	s.once.Do(func() { close(s.closed) })
	s.running.Wait()
}

// Limited says whether grants have a pace.
func (s *Sender) Limited(perSecond float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limited(perSecond)
}

func (s *Sender) limited(perSecond float64) bool {
	h := &s.answer.head
	return perSecond > 0 || s.lim.MessagesPerSecond > 0 || s.lim.RequestsPerSecond > 0 ||
		s.lim.MessagesPerDay > 0 || h.Messages > 0 || h.Requests > 0 || h.dayLimit() > 0 || s.factor() < 1 ||
		s.answer.now == 0 || time.Now().Before(s.paused) // not to be known before the first answer
}

// Take waits until messages may go out, and says how many and when: at most
// what goes out in about 25 ms, handed out a little before the first is due.
// Without any limit it grants all that is wanted at once. It returns
// *DayFullError where the sender's 24 hours are used up.
func (s *Sender) Take(ctx context.Context, ask Ask) (*Grant, error) {
	s.mu.Lock()
	if !s.limited(ask.PerSecond) {
		s.sent.add(ask.Want)
		s.mu.Unlock()
		return &Grant{N: ask.Want, times: []time.Time{time.Now()}, free: true}, nil
	}
	if until := s.dayFull; time.Now().Before(until) {
		s.mu.Unlock()
		return nil, &DayFullError{Until: until}
	}
	w := &waiter{ask: ask, got: make(chan *Grant, 1)}
	l := s.lane(ask.Campaign)
	l.join(w)
	now := time.Now()
	s.serve(l, now)
	s.hunger(l, now)
	s.mu.Unlock()
	s.poke()
	select {
	case g := <-w.got:
		if g == nil {
			return nil, w.err
		}
		if err := until(ctx, g.due(0).Add(-s.lead.get())); err != nil {
			g.Refund(g.N)
			return nil, err
		}
		return g, nil
	case <-ctx.Done():
	case <-s.closed:
	}
	s.mu.Lock()
	l.waiting = slices.DeleteFunc(l.waiting, func(o *waiter) bool { return o == w })
	select {
	case g := <-w.got: // it came meanwhile
		if g != nil {
			s.refund(g.bucket, g.N)
		}
	default:
	}
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the pace of %s is closed", s.name)
}

// lane is a campaign's. The caller holds the lock.
func (s *Sender) lane(campaign string) *lane {
	l := s.lanes[campaign]
	if l == nil {
		l = &lane{id: campaign, returning: map[time.Time]comeback{}}
		s.lanes[campaign] = l
		s.ids[keyOf(campaign)] = campaign
		s.order = append(s.order, l)
	}
	return l
}

// Throttled slows the sender down for all workers, and stops it for retryAfter. A
// longer pause than the limits allow is not kept: it returns *PauseTooLongError.
func (s *Sender) Throttled(ctx context.Context, retryAfter time.Duration) error {
	s.mu.Lock()
	most := s.lim.maxPause()
	tooLong := retryAfter > most
	pause := retryAfter
	if tooLong {
		pause = 0
	}
	s.refundAll()
	s.unsaved, s.savedAt = time.Now().Add(pause), time.Time{}
	s.paused = later(s.paused, s.unsaved)
	seen := s.sent.perSecond() * float64(max(1, len(s.answer.workers)))
	s.mu.Unlock()
	factor := 1.0
	err := update(ctx, s.store, func(a *answer) bool {
		changed := a.head.halve(a.now, pause, max(1, seen))
		factor = a.head.now(a.now)
		return changed
	})
	s.mu.Lock()
	s.answer.head.Factor, s.answer.head.At = min(s.answer.head.Factor, factor, 0.99), s.clock.us(time.Now()) // until the next answer says more
	if err == nil {
		s.savedAt = time.Now()
	}
	s.mu.Unlock()
	s.poke()
	switch {
	case tooLong:
		return &PauseTooLongError{Asked: retryAfter, Most: most}
	case err != nil:
		return fmt.Errorf("slowing %s down: %w", s.name, err)
	}
	s.l.o.Log.Warn().Str("sender", s.name).Float64("factor", factor).Dur("retry_after", retryAfter).Msg("the provider throttles: slower")
	return nil
}

// Acquire takes a place in flight; Release gives it back.
func (s *Sender) Acquire(ctx context.Context) error { return s.flight.acquire(ctx) }

// TryAcquire takes a place in flight if there is one now.
func (s *Sender) TryAcquire() bool { return s.flight.try() }

// Free is how many places in flight there are now. It is no promise.
func (s *Sender) Free() int { return s.flight.free() }

// Places is how many places in flight this worker has now; 0: as many as it wants.
func (s *Sender) Places() int { return s.flight.places() }

// Release gives a place in flight back.
func (s *Sender) Release() { s.flight.release() }

// Factor is what throttling has left of the limit.
func (s *Sender) Factor() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.factor()
}

func (s *Sender) factor() float64 {
	if s.answer.head.Factor >= 1 {
		return 1
	}
	return s.answer.head.now(s.clock.us(time.Now()))
}

// PausedUntil is when the provider wants messages again; zero if it does now.
func (s *Sender) PausedUntil() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused.After(time.Now()) {
		return time.Time{}
	}
	return s.paused
}

func (s *Sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
