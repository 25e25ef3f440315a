package dispatch

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// What each outcome does next: for the recipient, the batch, the campaign and the
// sender.
func TestWhatEachOutcomeDoesNext(t *testing.T) {
	t.Parallel()
	accepted := sender.Result{Outcome: sender.Accepted}
	failed := sender.Result{Outcome: sender.Failed, Code: "22041"}
	down := sender.Result{Outcome: sender.Failed, Code: "http_503"}
	throttled := sender.Result{Outcome: sender.Throttled, Code: "meta_130429"}
	pair := sender.Result{Outcome: sender.Throttled, Code: "meta_131056", Pair: true}
	unknown := sender.Result{Outcome: sender.Unknown, Code: "timeout"}
	rejected := sender.Result{Outcome: sender.Rejected, Code: "22091"}
	denied := sender.Result{Outcome: sender.Denied, Code: "1003"}
	first := sender.Result{Outcome: sender.Rejected, Code: "1002", AtFirst: true, Repeats: true}
	optOut := sender.Result{Outcome: sender.Rejected, Code: "meta_131050", OptOut: true}
	for name, tt := range map[string]struct {
		answers     []sender.Result // to each try
		campaign    string          // more of its file
		before      bool            // somebody was accepted before
		slow        bool            // retries wait longer than a handler does
		submissions int
		want        ledger.Counts
		code        sender.Code // of who is rejected or in doubt
		snooze      string
		after       time.Duration // at least
		halted      string
		throttles   bool
		suppressed  bool
	}{
		"accepted":                            {answers: []sender.Result{accepted}, submissions: 1, want: ledger.Counts{Accepted: 1}},
		"rejected":                            {answers: []sender.Result{rejected}, submissions: 1, want: ledger.Counts{Rejected: 1}, code: "22091"},
		"rejected, and no more":               {answers: []sender.Result{optOut}, submissions: 1, want: ledger.Counts{Rejected: 1}, code: "meta_131050", suppressed: true},
		"failed, then accepted":               {answers: []sender.Result{failed, failed, accepted}, submissions: 3, want: ledger.Counts{Accepted: 1}},
		"failed too often":                    {answers: []sender.Result{failed}, campaign: "max_attempts: 3\n", submissions: 3, want: ledger.Counts{Rejected: 1}, code: "exhausted/22041"},
		"failed, and waits long":              {answers: []sender.Result{failed}, slow: true, submissions: 1, want: ledger.Counts{Pending: 1}, snooze: "1 recipients wait for their retry after 22041 ×1", after: 5 * time.Second},
		"never written":                       {answers: []sender.Result{{Outcome: sender.Failed, Code: sender.CodeRefused}, {Outcome: sender.Failed, Code: sender.CodeDNS}, accepted}, campaign: "max_attempts: 1\n", submissions: 3, want: ledger.Counts{Accepted: 1}},
		"an outage of one's own":              {answers: []sender.Result{down, down, accepted}, campaign: "max_attempts: 1\n", submissions: 3, want: ledger.Counts{Accepted: 1}},
		"throttled":                           {answers: []sender.Result{throttled, accepted}, campaign: "max_attempts: 1\n", submissions: 2, want: ledger.Counts{Accepted: 1}, throttles: true},
		"too many to this one":                {answers: []sender.Result{pair, pair, accepted}, campaign: "max_attempts: 1\n", submissions: 2, want: ledger.Counts{Pending: 1}, snooze: "meta_131056", after: 3 * time.Second},
		"unknown, and no attempt left":        {answers: []sender.Result{{Outcome: sender.Unknown, Code: "30_with_id"}}, campaign: "max_attempts: 1\n", submissions: 1, want: ledger.Counts{InDoubt: 1}, code: "30_with_id"},
		"unknown":                             {answers: []sender.Result{unknown}, submissions: 1, want: ledger.Counts{InDoubt: 1}, code: "timeout"},
		"unknown, to resend":                  {answers: []sender.Result{unknown, accepted}, campaign: "on_doubt: resend\n", submissions: 2, want: ledger.Counts{Accepted: 1}},
		"unknown with its own code too often": {answers: []sender.Result{{Outcome: sender.Unknown, Code: "30_with_id"}}, campaign: "on_doubt: resend\nmax_attempts: 2\n", submissions: 2, want: ledger.Counts{Rejected: 1}, code: "exhausted/30_with_id"},
		"denied":                              {answers: []sender.Result{denied}, submissions: 1, want: ledger.Counts{Pending: 1}, snooze: "stopped", halted: "1003: the meaning of 1003"},
		"rejected at first":                   {answers: []sender.Result{first}, campaign: "max_attempts: 3\n", submissions: 3, want: ledger.Counts{Rejected: 1}, code: "exhausted/1002"},
		"rejected at first, then accepted":    {answers: []sender.Result{first, accepted}, submissions: 2, want: ledger.Counts{Accepted: 1}},
		"rejected later on":                   {answers: []sender.Result{first}, before: true, submissions: 1, want: ledger.Counts{Rejected: 1}, code: "1002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.answers, w.accepts, w.list = each(tt.answers...), tt.before, map[string]bool{}
			if tt.slow {
				w.backoff = Backoff{Base: 5 * time.Second, Max: time.Minute}
			}
			w.launch(1, tt.campaign)
			d := w.dispatcher()
			got, err := w.send(d)
			counts(t, got, tt.want.Accepted, tt.want.Rejected, tt.want.InDoubt, tt.want.Pending)
			if n := w.submissions(); n != tt.submissions {
				t.Errorf("%d submissions, want %d", n, tt.submissions)
			}
			if tt.code != "" && got.Codes[string(tt.code)] != 1 {
				t.Errorf("codes %v, want %s", got.Codes, tt.code)
			}
			if tt.snooze == "" && err != nil {
				t.Error(err)
			} else if tt.snooze != "" {
				if s := snoozed(t, err, tt.snooze); s.Delay() < tt.after {
					t.Errorf("again in %s, want %s", s.Delay(), tt.after)
				}
			}
			if !strings.HasPrefix(w.halted, tt.halted) || (w.halted == "") != (tt.halted == "") || (d.Stopped().Err() != nil) != (tt.halted != "") {
				t.Errorf("halted: %q, want %q", w.halted, tt.halted)
			}
			if slower := d.sender.Pace.Factor() < 1; slower != tt.throttles {
				t.Errorf("the sender's pace is %g", d.sender.Pace.Factor())
			}
			if w.list[number(0)] != tt.suppressed {
				t.Errorf("on the suppression list: %t", w.list[number(0)])
			}
		})
	}
}

// Ten in a row of what looks like one recipient's trouble are everybody's.
func TestStreaks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		res    sender.Result
		last   int // it meets all before this one
		halted bool
	}{
		"all unlisted":          {sender.Result{Outcome: sender.Failed, Code: "9999", Unlisted: true}, 20, true},
		"nine unlisted":         {sender.Result{Outcome: sender.Failed, Code: "9999", Unlisted: true}, 9, false},
		"all refused":           {sender.Result{Outcome: sender.Rejected, Code: "22090", Repeats: true}, 20, true},
		"nine refused":          {sender.Result{Outcome: sender.Rejected, Code: "22090", Repeats: true}, 9, false},
		"all refused at first":  {sender.Result{Outcome: sender.Rejected, Code: "1002", Repeats: true, AtFirst: true}, 20, true},
		"nine refused at first": {sender.Result{Outcome: sender.Rejected, Code: "1002", Repeats: true, AtFirst: true}, 9, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.launch(20, "max_attempts: 2\n")
			first, then := each(tt.res, sender.Result{Outcome: sender.Accepted}), each(sender.Result{Outcome: sender.Accepted})
			w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
				if ref.Index < tt.last {
					return first(ref, rs)
				}
				return then(ref, rs)
			}
			got, err := w.send(w.dispatcher())
			if (w.halted != "") != tt.halted {
				t.Errorf("halted: %q, %v", w.halted, err)
			}
			if tt.res.AtFirst && tt.halted && got.Pending != 20 {
				t.Errorf("somebody lost their place: %+v", got)
			}
			if tt.halted && (w.haltedAt < 1 || w.haltedAt > 20) {
				t.Errorf("halted by row %d", w.haltedAt)
			}
		})
	}
}

// Whoever opts out stays in the export where the list cannot be changed.
func TestOptOutWithoutTheList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list, w.unlists = map[string]bool{}, true
	w.answers = each(sender.Result{Outcome: sender.Rejected, Code: "meta_131050", OptOut: true})
	w.launch(1, "")
	got, err := w.send(w.dispatcher())
	if err != nil {
		t.Fatal(err)
	}
	counts(t, got, 0, 1, 0, 0)
	if !strings.Contains(w.log.String(), "opt-out") || strings.Contains(w.log.String(), number(0)) {
		t.Errorf("told: %s", w.log.String())
	}
}

// Recipients with equal messages share submissions, up to what one carries; those
// that are to go alone do, and first.
func TestUnits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.most, w.alone = 4, "meta_131009"
	w.backoff = Backoff{Base: time.Millisecond, Max: time.Millisecond}
	w.launch(10, "")
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		out := make([]sender.Result, len(rs))
		for i := range rs {
			out[i] = sender.Result{Outcome: sender.Accepted, MessageID: "m"}
			if ref.Index == 4 && len(rs) == 4 { // the second submission fails as a whole
				out[i] = sender.Result{Outcome: sender.Failed, Code: "meta_131009"}
			}
		}
		return out
	}
	got, err := w.send(w.dispatcher())
	if err != nil {
		t.Fatal(err)
	}
	counts(t, got, 10, 0, 0, 0)
	var sizes []int
	for _, s := range w.sent {
		sizes = append(sizes, s[1])
	}
	slices.Sort(sizes)
	if want := []int{1, 1, 1, 1, 2, 4, 4}; !slices.Equal(sizes, want) {
		t.Errorf("submissions of %v, want %v", sizes, want)
	}
}

// An outcome is on record soon although the batch has nobody left to begin and waits for
// an answer: what a crash costs is what came within moments.
func TestOutcomesAreRecordedInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits.InFlight = 64 // so that a few outcomes are not yet worth a commit of their own
	release := make(chan struct{})
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		if ref.Index == 0 {
			<-release
		}
		return each(sender.Result{Outcome: sender.Accepted})(ref, rs)
	}
	w.launch(6, "")
	var sending sync.WaitGroup
	defer sending.Wait()
	defer close(release)
	d := w.dispatcher()
	sending.Go(func() {
		if _, err := w.send(d); err != nil {
			t.Error(err)
		}
	})
	w.await("on record", func() bool {
		all, err := w.ledger.Totals(t.Context(), campaignID)
		return err == nil && all.Accepted == 5
	})
}
