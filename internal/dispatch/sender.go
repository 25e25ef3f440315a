package dispatch

import (
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

	breaker *breaker
	pool    *pool
}

// NewSender opens a sender that has inFlight submissions under way at once, at
// most. Now is the clock of the ledger's times.
func NewSender(name string, provider sender.Provider, pace *ratelimit.Sender, inFlight int, now func() time.Time, log zerolog.Logger) *Sender {
	s := &Sender{Name: name, Provider: provider, Pace: pace, pool: newPool(inFlight)}
	s.breaker = newBreaker(name, now, func(open bool, code string) { s.outage(log, open, code) })
	return s
}

// outage tells of the circuit breaker.
func (s *Sender) outage(log zerolog.Logger, open bool, code string) {
	if !open {
		log.Info().Str("sender", s.Name).Bool("open", open).Msg("circuit breaker closed: the provider answers again")
		return
	}
	log.Warn().Str("sender", s.Name).Bool("open", open).Str("code", code).Str("meaning", s.Provider.Meaning(code)).
		Msg("circuit breaker open: single submissions probe until the provider answers; nobody loses an attempt")
}

// Close ends a sender that no campaign uses here.
func (s *Sender) Close() {
	s.pool.stop()
	s.Pace.Close()
}
