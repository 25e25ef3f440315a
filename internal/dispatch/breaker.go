package dispatch

import (
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/sender"
)

const (
	// outageRun is how many outages in a row open a sender's circuit breaker.
	outageRun = 10
	// probeEvery is how long after it has opened, or after a probe, the next probe
	// goes out; but doubtfulEvery where probes come to no answer at all, for each
	// leaves somebody in doubt.
	probeEvery    = 1500 * time.Millisecond
	doubtfulEvery = 2500 * time.Millisecond
	// fullProbe is how many probes at once an answer must allow for it to close.
	fullProbe = 16
	// breakerPoll is how often who is held back asks again.
	breakerPoll = 50 * time.Millisecond
)

// A breaker keeps an outage of the provider from using up anyone's attempts: it
// opens on a run of outages, lets single submissions probe, twice as many with each
// answer, and closes again when those get answers.
//
// A provider that leaves some of its answers out is no outage, though the timeouts
// come in clumps. What tells the two apart is what was begun later: an outage
// counts only while no submission that was begun after it has got an answer.
type breaker struct {
	code     atomic.Pointer[sender.Code] // of the last outage
	answered atomic.Int64                // when the provider last answered, in ns; 0: never
	now      func() time.Time            // the clock of the ledger's times
	clock    func() time.Time            // this process' own
	changed  func(open bool, code sender.Code)

	mu       sync.Mutex
	run      int       // outages in a row
	begun    time.Time // the last submission that was answered
	open     bool
	allowed  int // probes under way, at most
	underWay int // probes
	next     time.Time
	every    time.Duration
}

// newBreaker makes a closed one. Changed is told when it opens or closes, with
// the code of the last outage; and when a probe fails for another reason.
func newBreaker(now func() time.Time, changed func(open bool, code sender.Code)) *breaker {
	return &breaker{now: now, clock: time.Now, changed: changed}
}

// holds says that nothing may be submitted now: the breaker is open, and all the
// probes that may be are under way.
func (b *breaker) holds() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open && b.underWay >= b.allowed && b.clock().Before(b.next)
}

// probing says that single submissions may go out alone, each about one recipient.
func (b *breaker) probing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// allow asks for one submission, whose result must then go to report. That says
// whether the breaker is closed after it.
func (b *breaker) allow() (report func(sender.Result) (closed bool), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	began := b.clock()
	if b.open {
		switch {
		case b.underWay < b.allowed:
		case !began.Before(b.next): // one more, for those under way may get no answer at all
		default:
			return nil, false
		}
		b.underWay++
		b.next = began.Add(b.every)
	}
	probe := b.open
	return func(r sender.Result) bool { return b.report(r, began, probe) }, true
}

func (b *breaker) report(r sender.Result, began time.Time, probe bool) (closed bool) {
	b.mu.Lock()
	if probe && b.underWay > 0 {
		b.underWay--
	}
	was, before := b.open, b.code.Load()
	if outage(r) {
		b.code.Store(&r.Code)
		b.failed(r, began)
	} else {
		b.answered.Store(b.now().UnixNano())
		b.succeeded(began, probe)
	}
	open := b.open
	b.mu.Unlock()
	if open != was || open && before != nil && *before != *b.code.Load() {
		if code := b.code.Load(); code != nil {
			b.changed(open, *code)
		}
	}
	return !open
}

// failed counts an outage. The caller holds the lock.
func (b *breaker) failed(r sender.Result, began time.Time) {
	if began.Before(b.begun) {
		return // the provider has answered others that were begun later
	}
	if b.every = probeEvery; r.Outcome == sender.Unknown {
		b.every = doubtfulEvery
	}
	if b.open {
		b.allowed = 0
		return
	}
	if b.run++; b.run >= outageRun {
		b.open, b.allowed, b.underWay = true, 0, 0
		b.next = b.clock().Add(probeEvery)
	}
}

// succeeded notes an answer. The caller holds the lock.
func (b *breaker) succeeded(began time.Time, probe bool) {
	if began.After(b.begun) {
		b.begun = began
	}
	b.run = 0
	switch {
	case !b.open:
	case !probe: // begun before it opened: worth a probe
		b.next = b.clock()
	default:
		b.allowed = max(1, 2*b.allowed)
		if b.allowed > fullProbe {
			b.open, b.underWay = false, 0
		}
	}
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
