package dispatch

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

// A Sender is a sender as this worker uses it; all its campaigns share its pace,
// its places in flight and its circuit breaker.
type Sender struct {
	Name     string
	Provider sender.Provider
	Pace     *ratelimit.Sender

	breaker  *breaker
	pool     *pool
	room     *room
	inFlight atomic.Int64
	now      func() time.Time
	circuit  atomic.Pointer[Circuit]
}

// A Circuit is an open circuit breaker.
type Circuit struct {
	Since time.Time
	Code  string // of the last outage
}

// Circuit is the sender's open circuit breaker here; nil while it is closed.
func (s *Sender) Circuit() *Circuit { return s.circuit.Load() }

// InFlight is how many submissions of this worker have no answer yet.
func (s *Sender) InFlight() int { return int(s.inFlight.Load()) }

// NewSender opens a sender that has inFlight submissions under way at once, at
// most. Now is the clock of the ledger's times.
func NewSender(name string, provider sender.Provider, pace *ratelimit.Sender, inFlight int, now func() time.Time, log zerolog.Logger) *Sender {
	s := &Sender{Name: name, Provider: provider, Pace: pace, pool: newPool(inFlight), now: now}
	s.room = newRoom(func() int { return s.places(inFlight) })
	s.breaker = newBreaker(now, func(open bool, code sender.Code) { s.outage(log, open, code) })
	return s
}

// places is this worker's share of those in flight; all of them as long as the share
// is not known.
func (s *Sender) places(all int) int {
	if n := s.Pace.Places(); n > 0 {
		return min(n, all)
	}
	return all
}

// outage tells of the circuit breaker.
func (s *Sender) outage(log zerolog.Logger, open bool, code sender.Code) {
	if !open {
		s.circuit.Store(nil)
		log.Info().Str("sender", s.Name).Bool("open", open).Msg("circuit breaker closed: the provider answers again")
		return
	}
	c := &Circuit{Since: s.now(), Code: string(code)}
	if before := s.circuit.Load(); before != nil {
		c.Since = before.Since // a probe has failed
	}
	s.circuit.Store(c)
	log.Warn().Str("sender", s.Name).Bool("open", open).Str("code", string(code)).Str("meaning", s.Provider.Meaning(code)).
		Msg("circuit breaker open: single submissions probe until the provider answers; nobody loses an attempt")
}

// Close ends a sender that no campaign uses here.
func (s *Sender) Close() {
	s.pool.stop()
	s.Pace.Close()
}
