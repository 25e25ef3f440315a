package dispatch

import (
	"testing"
	"time"

	"sluice/internal/sender"
)

// What a failure costs its recipient goes by what the provider said to others
// meanwhile, by the clock of the ledger and not by this machine's.
func TestWhatAnOutageCosts(t *testing.T) {
	t.Parallel()
	now := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	b := newBreaker("sender", func() time.Time { return now }, func(bool, sender.Code) {})
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
