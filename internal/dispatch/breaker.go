package dispatch

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"sluice/internal/sender"
)

const (
	// outageRun is how many outages in a row open a sender's circuit breaker.
	outageRun = 10
	// probeEvery is how long it stays open before a single submission probes.
	probeEvery = 5 * time.Second
)

// errOutage is what the breaker is told of an outage; nobody else sees it.
var errOutage = errors.New("provider outage")

// A breaker keeps an outage of the provider from using up anyone's attempts: it
// opens on a run of outages, lets single submissions probe, and closes again
// when one gets an answer.
type breaker struct {
	cb       *gobreaker.TwoStepCircuitBreaker[struct{}]
	code     atomic.Pointer[sender.Code] // of the last outage
	answered atomic.Int64                // when the provider last answered, in ns; 0: never
	now      func() time.Time            // the clock of the ledger's times
}

// newBreaker makes a closed one. Changed is told when it opens or closes, with
// the code of the last outage; after each probe that fails it opens anew.
func newBreaker(name string, now func() time.Time, changed func(open bool, code sender.Code)) *breaker {
	b := &breaker{now: now}
	b.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        name,
		MaxRequests: 1,
		Timeout:     probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= outageRun },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to != gobreaker.StateHalfOpen {
				changed(to == gobreaker.StateOpen, *b.code.Load())
			}
		},
	})
	return b
}

// holds says that nothing may be submitted now: the breaker is open, or the one
// probe is under way.
func (b *breaker) holds() bool {
	switch b.cb.State() {
	case gobreaker.StateOpen:
		return true
	case gobreaker.StateHalfOpen:
		return b.cb.Counts().Requests > 0
	case gobreaker.StateClosed:
	}
	return false
}

// probing says that one submission at most may be under way.
func (b *breaker) probing() bool { return b.cb.State() == gobreaker.StateHalfOpen }

// allow asks for one submission, whose result must then go to report. That says
// whether the breaker is closed after it.
func (b *breaker) allow() (report func(sender.Result) (closed bool), ok bool) {
	done, err := b.cb.Allow()
	if err != nil {
		return nil, false
	}
	return func(r sender.Result) bool {
		if outage(r) {
			b.code.Store(&r.Code)
			done(errOutage)
		} else {
			b.answered.Store(b.now().UnixNano())
			done(nil)
		}
		return b.cb.State() == gobreaker.StateClosed
	}, true
}

// costs says whether a result that is to be tried again costs its recipient an
// attempt. What was never written does not, nor does a failure while the breaker
// is not closed. Any other sign of an outage does only if the provider answered
// somebody since this recipient's submission before, at last, so that an outage
// is not charged to the few recipients of a small campaign.
func (b *breaker) costs(r sender.Result, closed bool, last time.Time) bool {
	switch {
	case !outage(r):
		return true
	case !closed || r.Code.NeverWritten():
		return false
	}
	return !last.IsZero() && b.answered.Load() > last.UnixNano()
}

// outage says that a result is a sign of the provider being away, and not its
// word on one message.
func outage(r sender.Result) bool {
	switch r.Outcome {
	case sender.Failed, sender.Unknown:
		return r.Code.Outage()
	case sender.Accepted, sender.Rejected, sender.Throttled, sender.Denied:
	}
	return false
}
