package dispatch

import (
	"testing"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// When who waits for a submission may have the next, by how the last one ended.
func TestDueAt(t *testing.T) {
	t.Parallel()
	last := time.UnixMilli(1_790_000_000_000)
	d := &Dispatcher{id: "c", host: Host{Backoff: Backoff{Base: time.Second, Max: time.Minute}}}
	for name, tt := range map[string]struct {
		pending ledger.Pending
		from    time.Duration // after the last; a backoff is up to half longer
		jitter  bool
	}{
		"never submitted":             {ledger.Pending{}, 0, false},
		"withdrawn":                   {ledger.Pending{Tries: 2}, 0, false},
		"failed once":                 {ledger.Pending{Tries: 1, Attempts: 1, Outcome: sender.Failed, Code: "22041", Time: last}, time.Second, true},
		"failed three times":          {ledger.Pending{Tries: 3, Attempts: 3, Outcome: sender.Failed, Code: "22041", Time: last}, 4 * time.Second, true},
		"in doubt, and to resend":     {ledger.Pending{Tries: 2, Attempts: 2, Outcome: sender.Unknown, Code: "timeout", Time: last}, 2 * time.Second, true},
		"in an outage":                {ledger.Pending{Tries: 9, Attempts: 3, Outcome: sender.Failed, Free: true, Code: "http_503", Time: last}, time.Second, true},
		"throttled by a gateway":      {ledger.Pending{Tries: 9, Attempts: 3, Outcome: sender.Throttled, Code: "http_503", Time: last}, time.Second, true},
		"throttled":                   {ledger.Pending{Tries: 9, Attempts: 3, Outcome: sender.Throttled, Code: "meta_130429", Time: last}, 0, false},
		"too many to this one, first": {ledger.Pending{Tries: 1, Outcome: sender.Throttled, Pair: true, Code: "meta_131056", Time: last}, time.Second, false},
		"too many to this one, third": {ledger.Pending{Tries: 3, Outcome: sender.Throttled, Pair: true, Code: "77", Time: last}, 16 * time.Second, false},
		"the code without the fact":   {ledger.Pending{Tries: 3, Outcome: sender.Throttled, Code: "meta_131056", Time: last}, 0, false},
	} {
		got := d.dueAt(1, 2, tt.pending)
		if tt.from == 0 {
			if !got.IsZero() {
				t.Errorf("%s: waits until %v", name, got)
			}
			continue
		}
		wait, most := got.Sub(last), tt.from
		if tt.jitter {
			most += tt.from / 2
		}
		if wait < tt.from || wait > most {
			t.Errorf("%s: waits %v; want %v to %v", name, wait, tt.from, most)
		}
	}
}
