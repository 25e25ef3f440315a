package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// beat is how often a worker shows that it takes part, and learns how many do.
	beat = time.Second
	// askWithin bounds one question to Redis. A slow answer's slot is late anyway.
	askWithin = 5 * time.Second
	// maxTook bounds how much earlier slots are handed out for a slow Redis.
	maxTook = 250 * time.Millisecond
	// awayPause is how long Redis is left alone after it did not answer.
	awayPause = 200 * time.Millisecond
)

// A Sender is this worker's share of one sender's pace. One goroutine asks for
// slots on behalf of all batches that wait.
type Sender struct {
	l       *Limiter
	name    string
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once
	wake    chan struct{}
	flight  flight
	clock   clock
	lead    lead

	mu      sync.Mutex
	lim     Limits
	live    answer // what was learned last
	waiting []*waiter
	parts   map[string][]*Grant  // slots that are ours, by campaign
	rest    map[batch]wish       // of batches that will come back
	notYet  time.Time            // Redis is left alone until then
	later   map[string]time.Time // for a campaign nothing is to be had before
	dayFull time.Time
	paused  time.Time     // the provider wants nothing before
	back    map[int64]int // of the day, by bucket
	sent    rateMeter
	took    time.Duration // the last question to Redis, in which no slot is handed out
	part    int           // of what may be in flight
	joined  bool          // all others have known of this worker
}

// A waiter is a batch that waits for its grant.
type waiter struct {
	ask Ask
	got chan *Grant
	err error // with a nil grant
}

// A batch is known by its campaign and when it began.
type batch struct {
	campaign string
	since    time.Time
}

func (a *Ask) batch() batch { return batch{a.Campaign, a.Since} }

// A wish is what a batch wants beside what it just got.
type wish struct {
	Ask
	until time.Time
}

func newSender(l *Limiter, name string, lim Limits) *Sender {
	s := &Sender{
		l: l, name: name, closed: make(chan struct{}), wake: make(chan struct{}, 1),
		lim: lim, parts: map[string][]*Grant{}, rest: map[batch]wish{}, later: map[string]time.Time{}, back: map[int64]int{}, live: answer{Factor: 1},
	}
	s.flight.init(lim.InFlight)
	return s
}

// SetLimits changes the limits, for all workers if their stamp is the newest.
func (s *Sender) SetLimits(lim Limits) {
	s.mu.Lock()
	s.lim = lim
	s.loseAll()
	s.dayFull, s.notYet = time.Time{}, time.Time{}
	clear(s.later)
	clear(s.rest)
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
	return perSecond > 0 || s.lim.MessagesPerSecond > 0 || s.lim.RequestsPerSecond > 0 ||
		s.lim.MessagesPerDay > 0 || s.live.MPS > 0 || s.live.RPS > 0 || s.live.Day > 0 || s.live.Factor < 1 ||
		s.live.Now == 0 || time.Now().Before(s.paused) // not to be known before the first answer
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
		return &Grant{N: ask.Want, start: time.Now(), free: true}, nil
	}
	if until := s.dayFull; time.Now().Before(until) {
		s.mu.Unlock()
		return nil, &DayFullError{Until: until}
	}
	w := &waiter{ask: ask, got: make(chan *Grant, 1)}
	s.waiting = append(s.waiting, w)
	delete(s.rest, ask.batch())
	s.mu.Unlock()
	s.poke()
	select {
	case g := <-w.got:
		if g == nil {
			return nil, w.err
		}
		if err := g.ahead(ctx); err != nil {
			g.Unused(g.N)
			return nil, err
		}
		return g, nil
	case <-ctx.Done():
	case <-s.closed:
	}
	s.mu.Lock()
	s.waiting = slices.DeleteFunc(s.waiting, func(o *waiter) bool { return o == w })
	select {
	case g := <-w.got: // it came meanwhile
		if g != nil {
			s.lose(g.bucket, g.N)
		}
	default:
	}
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the pace of %s is closed", s.name)
}

// ahead waits until the grant is soon due.
func (g *Grant) ahead(ctx context.Context) error {
	d := time.Until(g.start.Add(-g.s.lead.get()))
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

// Throttled slows the sender down for all workers, and stops it for retryAfter.
func (s *Sender) Throttled(ctx context.Context, retryAfter time.Duration) error {
	s.mu.Lock()
	s.loseAll()
	s.pauseUntil(time.Now().Add(retryAfter))
	seen := s.sent.perSecond()
	s.live.Factor = min(s.live.Factor, 0.99) // until the next answer says how much
	workers := max(1, s.live.Live)
	s.mu.Unlock()
	factor, err := throttleScript.Run(ctx, s.l.rdb, []string{paceKey(s.name)},
		retryAfter.Microseconds(), max(1, seen*float64(workers))).Float64()
	if err != nil {
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

// Release gives a place in flight back.
func (s *Sender) Release() { s.flight.release() }

// Factor is what throttling has left of the limit, as last seen.
func (s *Sender) Factor() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.Factor
}

// pauseUntil notes that the provider wants nothing before. The caller holds the
// lock.
func (s *Sender) pauseUntil(at time.Time) {
	if at.After(s.paused) {
		s.paused = at
	}
}

func (s *Sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
