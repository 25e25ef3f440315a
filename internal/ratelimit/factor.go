package ratelimit

import (
	"fmt"
	"math"
	"time"
)

const (
	// climb is the part of the limit by which a throttled pace comes back a second.
	climb = 0.05
	// leastFactor is what throttling leaves at least.
	leastFactor = 0.01
	// longestPause is what a provider may ask for where no setting says otherwise.
	longestPause = 15 * time.Minute
)

// A PauseTooLongError means that the provider asks for a longer pause than a
// sender may be stopped for without a person.
type PauseTooLongError struct{ Asked, Most time.Duration }

// Error says what was asked for, and what is allowed.
func (e *PauseTooLongError) Error() string {
	return fmt.Sprintf("the provider asks for a pause of %s, which is more than %s", e.Asked.Round(time.Second), e.Most)
}

// A throttling is what the provider has left of the limit.
type throttling struct {
	Factor float64 `json:"factor"` // as of At; 1: all of it
	At     int64   `json:"factor_at"`
	Base   float64 `json:"base"`  // the pace that was throttled, of a sender without a limit
	Pause  int64   `json:"pause"` // the provider wants nothing before
}

// now is the factor at a time.
func (t throttling) now(at int64) float64 {
	return min(1, t.Factor+climb*float64(max(0, at-t.At))/second)
}

// halve slows down, once a second at most, and pauses; seen is the pace so far, for
// a sender without a limit. It says whether anything changed.
func (t *throttling) halve(at int64, pause time.Duration, seen float64) (changed bool) {
	if at-t.At >= second || at < t.At-second {
		f := t.now(at)
		if f >= 1 {
			t.Base = seen
		}
		t.Factor, t.At, changed = max(leastFactor, f/2), at, true
	}
	if until := at + pause.Microseconds(); pause > 0 && until > t.Pause {
		t.Pause, changed = until, true
	}
	return changed
}

// allowance is what a sender may do at a time, before its day.
func (h *head) allowance(at int64) Allowance {
	f := h.now(at)
	a := Allowance{Messages: h.Messages * f, Requests: h.Requests * f, Burst: h.Burst, From: h.Pause}
	if h.Messages == 0 && f < 1 {
		a.Messages = h.Base * f
	}
	return a
}

// rate is the messages a second at a time, as far as it can fall.
func (h *head) rate(at int64) float64 {
	a := h.allowance(at)
	if a.Messages == 0 {
		a.Messages = a.Requests
	}
	if a.Messages == 0 {
		a.Messages = math.MaxFloat64
	}
	return a.Messages
}
