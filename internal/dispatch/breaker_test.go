package dispatch

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice/internal/sender"
)

// What a failure costs its recipient goes by what the provider said to others
// meanwhile, by the clock of the ledger and not by this machine's.
func TestWhatAnOutageCosts(t *testing.T) {
	t.Parallel()
	now := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	b := newBreaker(func() time.Time { return now }, func(bool, sender.Code) {})
	tell := func(r sender.Result) bool {
		t.Helper()
		told, ok := b.allow()
		if !ok {
			t.Fatal("the breaker is open")
		}
		return told(r)
	}
	down := sender.Result{Outcome: sender.Failed, Code: "http_503"}
	refused := sender.Result{Outcome: sender.Failed, Code: "refused"}
	own := sender.Result{Outcome: sender.Failed, Code: "22041"}
	check := func(when string, r sender.Result, closed bool, last time.Time, want bool) {
		t.Helper()
		if got := b.costs(r, closed, last); got != want {
			t.Errorf("%s: %s costs an attempt: %v", when, r.Code, got)
		}
	}
	before := now.Add(-time.Second)
	check("nobody was ever answered", down, true, before, false)
	tell(sender.Result{Outcome: sender.Accepted})
	check("others are answered", down, true, before, true)
	check("others are answered, and it is the first time", down, true, time.Time{}, false)
	check("others were answered before", down, true, now.Add(time.Second), false)
	check("others are answered", refused, true, before, false)
	check("others are answered", own, true, before, true)
	for n := range outageRun {
		if closed := tell(down); closed != (n < outageRun-1) {
			t.Fatalf("after %d outages in a row the breaker is closed: %v", n+1, closed)
		}
	}
	check("the breaker is open", down, false, before, false)
	if !b.holds() {
		t.Error("an open breaker holds nothing back")
	}
}

// A hanging is a provider that answers after 20 ms, or not before the timeout of two
// seconds, and a sender that uses all its places as far as the breaker lets it.
type hanging struct {
	places int
	late   func(at time.Duration) bool // a submission that is begun then
}

// play runs it and says how many submissions were begun in each tenth of a second.
func (h hanging) play(t testing.TB, lasts time.Duration) (begun []int) {
	t.Helper()
	start := time.Now()
	var at time.Duration
	b := newBreaker(time.Now, func(bool, sender.Code) {})
	b.clock = func() time.Time { return start.Add(at) }
	type flight struct {
		ends   time.Duration
		result sender.Result
		report func(sender.Result) bool
	}
	var flying []flight
	begun = make([]int, lasts/(100*time.Millisecond))
	for ; at < lasts; at += time.Millisecond {
		kept := flying[:0]
		for _, f := range flying {
			if f.ends > at {
				kept = append(kept, f)
				continue
			}
			f.report(f.result)
		}
		flying = kept
		for len(flying) < h.places && !b.holds() {
			report, ok := b.allow()
			if !ok {
				break
			}
			f := flight{at + 20*time.Millisecond, sender.Result{Outcome: sender.Accepted}, report}
			if h.late(at) {
				f.ends, f.result = at+2*time.Second, sender.Result{Outcome: sender.Unknown, Code: "timeout"}
			}
			flying = append(flying, f)
			begun[at/(100*time.Millisecond)]++
		}
	}
	return begun
}

func sumOf(begun []int) int {
	n := 0
	for _, k := range begun {
		n += k
	}
	return n
}

// A provider that leaves out one answer in four, or one in two, is sent to as fast as
// the places allow.
func TestBreakerOfAPartialHang(t *testing.T) {
	t.Parallel()
	for _, places := range []int{4, 64, 512} {
		for _, share := range []float64{0.25, 0.5} {
			r := rand.New(rand.NewPCG(1, uint64(places)))
			lasts := 60 * time.Second
			got := sumOf(hanging{places, func(time.Duration) bool { return r.Float64() < share }}.play(t, lasts))
			ideal := float64(places) * lasts.Seconds() / (share*2 + (1-share)*0.02)
			if float64(got) < 0.8*ideal {
				t.Errorf("%d places, %.0f %% late: %d submissions in %s, of %.0f", places, 100*share, got, lasts, ideal)
			}
		}
	}
}

// Where no answer comes at all it opens: fewer than a hundred submissions meet an
// outage of twenty seconds, and soon after its end all places are in use again.
func TestBreakerOfAnOutage(t *testing.T) {
	t.Parallel()
	for _, began := range []time.Duration{time.Second, 1300 * time.Millisecond} {
		ends := began + 20*time.Second
		begun := hanging{64, func(at time.Duration) bool { return at >= began && at < ends }}.play(t, ends+5*time.Second)
		tenth := func(d time.Duration) int { return int(d / (100 * time.Millisecond)) }
		if n := sumOf(begun[tenth(began):tenth(ends)]); n >= 100 || n < 64 {
			t.Errorf("%d submissions met the outage", n)
		}
		back := sumOf(begun[tenth(ends+3*time.Second):])
		if back < 2*64*50*8/10 {
			t.Errorf("%d submissions in two seconds, three after the end", back)
		}
	}
}
