package jobs

import (
	"errors"
	"strings"
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
	cb *gobreaker.TwoStepCircuitBreaker[struct{}]
}

func newBreaker(name string, changed func(open bool)) *breaker {
	return &breaker{cb: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        name,
		MaxRequests: 1,
		Timeout:     probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= outageRun },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to != gobreaker.StateHalfOpen {
				changed(to == gobreaker.StateOpen)
			}
		},
	})}
}

// open says that nothing may be submitted now.
func (b *breaker) open() bool { return b.cb.State() == gobreaker.StateOpen }

// probing says that one submission at most may be under way.
func (b *breaker) probing() bool { return b.cb.State() == gobreaker.StateHalfOpen }

// allow asks for one submission, whose results must then go to the function it
// returns. That says whether the breaker is closed after it: a failure while it
// is not is the outage's, and costs its recipient no attempt.
func (b *breaker) allow() (told func(sender.Result) (closed bool), ok bool) {
	done, err := b.cb.Allow()
	if err != nil {
		return nil, false
	}
	return func(r sender.Result) bool {
		if outage(r) {
			done(errOutage)
		} else {
			done(nil)
		}
		return b.cb.State() == gobreaker.StateClosed
	}, true
}

// outage says that a result is a sign of the provider being away, and not its
// word on one message: nothing of its own came back, or an HTTP 5xx.
func outage(r sender.Result) bool {
	switch r.Outcome {
	case sender.Failed, sender.Unknown:
	case sender.Accepted, sender.Rejected, sender.Throttled, sender.Denied:
		return false
	}
	switch r.Code {
	case "refused", "dns", "tls", "connect", "timeout", "reset", "bad_answer":
		return true
	}
	return strings.HasPrefix(r.Code, "http_5")
}
