package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/sender"
)

// at is a time some ms after noon.
func at(ms int) uint64 { return millis(noon) + uint64(ms) }

func intent(epoch, try int) []byte {
	return appendIntent(nil, epoch, false, []place{{0, try}})
}

func intentResend(epoch, try int) []byte {
	return appendIntent(nil, epoch, true, []place{{0, try}})
}

func came(try int, o sender.Outcome, code string, ms int) []byte {
	out := outcome{place{0, try}, ending{outcome: o}, code, "", at(ms)}
	if o == sender.Accepted {
		out.code, out.messageID = "", code
	}
	return appendOutcomes(nil, []outcome{out})
}

func withdrawn(try int) []byte { return appendWithdrawal([]place{{0, try}}) }

// ended is an outcome of an odd ending.
func ended(try int, e ending, code string) []byte {
	return appendOutcomes(nil, []outcome{{place{0, try}, e, code, "", at(0)}})
}

func suppressed(try int) []byte { return appendSuppression([]place{{0, try}}) }

func resolved(c Choice, try, ms int) []byte {
	return appendResolution(c, noon.Add(time.Duration(ms)*time.Millisecond), []place{{0, try}})
}

func TestFoldOfOneRecipient(t *testing.T) {
	t.Parallel()
	const epoch = 2
	tests := map[string]struct {
		records [][]byte
		want    Standing
	}{
		"nothing":       {nil, Standing{}},
		"in flight":     {[][]byte{intent(2, 1)}, Standing{State: InFlight, Tries: 1}},
		"lost":          {[][]byte{intent(1, 1)}, Standing{State: InDoubt, Code: CodeLost, Attempts: 1, Tries: 1, Last: sender.Unknown}},
		"lost, resend":  {[][]byte{intentResend(1, 1)}, Standing{State: Retry, Code: CodeLost, Attempts: 1, Tries: 1, Last: sender.Unknown}},
		"both policies": {[][]byte{intentResend(1, 1), intent(1, 1)}, Standing{State: InDoubt, Code: CodeLost, Attempts: 1, Tries: 1, Last: sender.Unknown}},
		"withdrawn":     {[][]byte{intent(1, 1), withdrawn(1)}, Standing{State: Untouched, Tries: 1}},
		"withdrawn, then in flight": {
			[][]byte{intent(1, 1), withdrawn(1), intent(2, 2)},
			Standing{State: InFlight, Tries: 2},
		},
		"accepted": {
			[][]byte{intent(1, 1), came(1, sender.Accepted, "m", 5)},
			Standing{State: Accepted, MessageID: "m", Attempts: 1, Tries: 1, Time: noon.Add(5 * time.Millisecond), Last: sender.Accepted},
		},
		"withdrawn and yet accepted": {
			[][]byte{intent(1, 1), withdrawn(1), came(1, sender.Accepted, "m", 0)},
			Standing{State: Accepted, MessageID: "m", Attempts: 1, Tries: 1, Time: noon, Last: sender.Accepted},
		},
		"failed in an outage": {
			[][]byte{intent(1, 1), ended(1, ending{outcome: sender.Failed, free: true}, "http_503")},
			Standing{State: Retry, Code: "http_503", Tries: 1, Time: noon, Last: sender.Failed, LastFree: true},
		},
		"too many messages to this one": {
			[][]byte{intent(1, 1), ended(1, ending{outcome: sender.Throttled, pair: true}, "meta_131056")},
			Standing{State: Retry, Code: "meta_131056", Tries: 1, Time: noon, Last: sender.Throttled, LastPair: true},
		},
		"suppressed": {[][]byte{intent(1, 1), suppressed(1)}, Standing{State: Suppressed, Tries: 1}},
		"suppressed after a failure": {
			[][]byte{intent(1, 1), came(1, sender.Failed, "a", 1), intent(1, 2), suppressed(2)},
			Standing{State: Suppressed, Attempts: 1, Tries: 2, Last: sender.Failed},
		},
		"suppressed and yet accepted": {
			[][]byte{intent(1, 1), suppressed(1), came(1, sender.Accepted, "m", 0)},
			Standing{State: Accepted, MessageID: "m", Attempts: 1, Tries: 1, Time: noon, Last: sender.Accepted},
		},
		"failed twice": {
			[][]byte{came(1, sender.Failed, "a", 1), came(2, sender.Failed, "b", 2)},
			Standing{State: Retry, Code: "b", Attempts: 2, Tries: 2, Time: noon.Add(2 * time.Millisecond), Last: sender.Failed},
		},
		"throttled costs nothing": {
			[][]byte{came(1, sender.Failed, "a", 1), came(2, sender.Throttled, "429", 2)},
			Standing{State: Retry, Code: "429", Attempts: 1, Tries: 2, Time: noon.Add(2 * time.Millisecond), Last: sender.Throttled},
		},
		"denied is as if untouched": {
			[][]byte{intent(1, 1), came(1, sender.Denied, "1003", 1)},
			Standing{State: Untouched, Tries: 1},
		},
		"unknown": {
			[][]byte{intent(1, 1), came(1, sender.Unknown, "timeout", 1)},
			Standing{State: InDoubt, Code: "timeout", Attempts: 1, Tries: 1, Time: noon.Add(time.Millisecond), Last: sender.Unknown},
		},
		"unknown under the newest claim": {
			[][]byte{intent(2, 1), came(1, sender.Unknown, "timeout", 0)},
			Standing{State: InDoubt, Code: "timeout", Attempts: 1, Tries: 1, Time: noon, Last: sender.Unknown},
		},
		"unknown without intent": {
			[][]byte{came(1, sender.Unknown, "timeout", 0)},
			Standing{State: InDoubt, Code: "timeout", Attempts: 1, Tries: 1, Time: noon, Last: sender.Unknown},
		},
		"unknown, resend": {
			[][]byte{intentResend(1, 1), came(1, sender.Unknown, "reset", 0)},
			Standing{State: Retry, Code: "reset", Attempts: 1, Tries: 1, Time: noon, Last: sender.Unknown},
		},
		"accepted beats rejected": {
			[][]byte{came(1, sender.Rejected, "r", 0), came(2, sender.Accepted, "m", 1)},
			Standing{State: Accepted, MessageID: "m", Attempts: 2, Tries: 2, Time: noon.Add(time.Millisecond), Last: sender.Accepted},
		},
		"rejected beats in doubt": {
			[][]byte{intent(1, 1), came(2, sender.Rejected, "r", 0)},
			Standing{State: Rejected, Code: "r", Attempts: 2, Tries: 2, Time: noon, Last: sender.Rejected},
		},
		"in doubt beats failed": {
			[][]byte{intent(1, 1), came(2, sender.Failed, "f", 0)},
			Standing{State: InDoubt, Code: CodeLost, Attempts: 2, Tries: 2, Last: sender.Failed},
		},
		"in doubt beats in flight": {
			[][]byte{intent(1, 1), intent(2, 2)},
			Standing{State: InDoubt, Code: CodeLost, Attempts: 1, Tries: 2, Last: sender.Unknown},
		},
		"in flight after a failure": {
			[][]byte{came(1, sender.Failed, "f", 0), intent(2, 2)},
			Standing{State: InFlight, Code: "f", Attempts: 1, Tries: 2, Time: noon, Last: sender.Failed},
		},
		"two message_ids of two tries": {
			[][]byte{came(2, sender.Accepted, "late", 0), came(1, sender.Accepted, "early", 9)},
			Standing{State: Accepted, MessageID: "early", Others: []string{"late"}, Attempts: 2, Tries: 2, Time: noon.Add(9 * time.Millisecond), Last: sender.Accepted},
		},
		"two message_ids of one try": {
			[][]byte{came(1, sender.Accepted, "x", 3), came(1, sender.Accepted, "a", 9), came(1, sender.Accepted, "x", 4)},
			Standing{State: Accepted, MessageID: "x", Others: []string{"a"}, Attempts: 1, Tries: 1, Time: noon.Add(3 * time.Millisecond), Last: sender.Accepted},
		},
		"resolved to resend": {
			[][]byte{intent(1, 1), resolved(Resend, 1, 0)},
			Standing{State: Retry, Code: CodeLost, Attempts: 1, Tries: 1, Last: sender.Unknown},
		},
		"resolved to resend, and in doubt again": {
			[][]byte{intent(1, 1), resolved(Resend, 1, 0), intent(1, 2)},
			Standing{State: InDoubt, Code: CodeLost, Attempts: 2, Tries: 2, Last: sender.Unknown},
		},
		"resolved to accepted": {
			[][]byte{intent(1, 1), resolved(Accept, 1, 0)},
			Standing{State: Accepted, Code: CodeResolved, Attempts: 1, Tries: 1, Last: sender.Unknown},
		},
		"resolved to rejected": {
			[][]byte{intent(1, 1), came(1, sender.Unknown, "reset", 2), resolved(Reject, 1, 0)},
			Standing{State: Rejected, Code: CodeResolved, Attempts: 1, Tries: 1, Time: noon.Add(2 * time.Millisecond), Last: sender.Unknown},
		},
		"a late outcome beats a resolution": {
			[][]byte{intent(1, 1), resolved(Accept, 1, 0), came(1, sender.Rejected, "r", 2)},
			Standing{State: Rejected, Code: "r", Attempts: 1, Tries: 1, Time: noon.Add(2 * time.Millisecond), Last: sender.Rejected},
		},
		"a late failure takes the doubt away": {
			[][]byte{intent(1, 1), resolved(Reject, 1, 0), came(1, sender.Failed, "f", 2)},
			Standing{State: Retry, Code: "f", Attempts: 1, Tries: 1, Time: noon.Add(2 * time.Millisecond), Last: sender.Failed},
		},
		"the first of two resolutions counts": {
			[][]byte{intent(1, 1), resolved(Accept, 1, 7), resolved(Reject, 1, 6)},
			Standing{State: Rejected, Code: CodeResolved, Attempts: 1, Tries: 1, Last: sender.Unknown},
		},
		"of two at once the one that sends less": {
			[][]byte{intent(1, 1), resolved(Resend, 1, 7), resolved(Reject, 1, 7)},
			Standing{State: Rejected, Code: CodeResolved, Attempts: 1, Tries: 1, Last: sender.Unknown},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 6 {
				f := NewFold(1)
				f.SetEpoch(epoch)
				add(t, f, test.records...)
				add(t, f, test.records...) // a command that was sent twice
				if diff := cmp.Diff(test.want, f.Standing(0)); diff != "" {
					t.Fatalf("(-want +got):\n%s", diff)
				}
				rand.Shuffle(len(test.records), func(i, k int) {
					test.records[i], test.records[k] = test.records[k], test.records[i]
				})
			}
		})
	}
}

func add(t testing.TB, f *Fold, records ...[]byte) {
	t.Helper()
	for _, r := range records {
		if err := f.Add(0, string(r)); err != nil {
			t.Fatal(err)
		}
	}
}

const drawSize = 5

// drawRecord draws any record of a batch of drawSize recipients.
func drawRecord(t *rapid.T) []byte {
	var places []place
	for i := range drawSize {
		if rapid.Bool().Draw(t, "in it") {
			places = append(places, place{i, rapid.IntRange(1, 20).Draw(t, "try")})
		}
	}
	code := rapid.SampledFrom([]string{"", "a", "b"})
	switch rapid.IntRange(1, 6).Draw(t, "kind") {
	case 1, 2:
		return appendIntent(nil, rapid.IntRange(1, 3).Draw(t, "epoch"), rapid.Bool().Draw(t, "resend"), places)
	case 3:
		return appendWithdrawal(places)
	case 5:
		return appendSuppression(places)
	case 4:
		choice := rapid.SampledFrom([]Choice{Accept, Reject, Resend}).Draw(t, "choice")
		return appendResolution(choice, noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at"))*time.Second), places)
	}
	var all []outcome
	for _, p := range places {
		o := outcome{p, endingOf(rapid.Byte().Draw(t, "ending") & endingBits), code.Draw(t, "code"), "", at(rapid.IntRange(0, 3).Draw(t, "ms"))}
		if o.outcome == sender.Accepted {
			o.messageID = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "id")
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil
	}
	return appendOutcomes(nil, all)
}

func standings(f *Fold) []Standing {
	all := make([]Standing, f.Size())
	for i := range all {
		all[i] = f.Standing(i)
	}
	return all
}

// TestFoldDoesNotDependOnOrder also has records stand twice, epochs end in the
// middle and counts be asked for at any time.
func TestFoldDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(drawRecord), 0, 12).Draw(t, "records")
		epoch := rapid.IntRange(0, 4).Draw(t, "epoch")
		one := NewFold(drawSize)
		one.SetEpoch(epoch)
		for _, r := range records {
			if err := one.Add(0, string(r)); err != nil {
				t.Fatal(err)
			}
		}
		other := NewFold(drawSize)
		again := append(slices.Clone(records), records[:rapid.IntRange(0, len(records)).Draw(t, "twice")]...)
		for _, r := range rapid.Permutation(again).Draw(t, "order") {
			if err := other.Add(0, string(r)); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "count") {
				other.SetEpoch(rapid.IntRange(0, 4).Draw(t, "epoch meanwhile"))
				other.Counts()
			}
		}
		other.SetEpoch(epoch)
		if diff := cmp.Diff(standings(one), standings(other)); diff != "" {
			t.Fatalf("standings differ:\n%s", diff)
		}
		counts := other.Counts()
		if diff := cmp.Diff(one.Counts(), counts); diff != "" {
			t.Fatalf("counts differ:\n%s", diff)
		}
		if diff := cmp.Diff(recounted(one), counts); diff != "" {
			t.Fatalf("counts are not those of the standings:\n%s", diff)
		}
		if sum := counts.Pending + counts.Accepted + counts.Rejected + counts.InDoubt + counts.Suppressed; sum != drawSize {
			t.Fatalf("%d recipients, and %+v", drawSize, counts)
		}
	})
}

// recounted counts from the standings, the slow way.
func recounted(f *Fold) Counts {
	c := Counts{Codes: map[string]int{}}
	for _, st := range standings(f) {
		switch st.State.String() {
		case "pending":
			c.Pending++
		case "accepted":
			c.Accepted++
		case "rejected":
			c.Rejected++
		case "in_doubt":
			c.InDoubt++
		case "suppressed":
			c.Suppressed++
		}
		if st.Code != "" {
			c.Codes[string(st.Code)]++
		}
	}
	return c
}

func TestCorruptJournalSaysWhere(t *testing.T) {
	t.Parallel()
	good := intent(1, 1)
	tests := map[string]struct {
		journal string
		offset  int
	}{
		"another version":     {"\x41\x00", 0},
		"another kind":        {string(good) + "\x2f\x00", len(good) + 2},
		"cut in the length":   {string(good) + "\x21", len(good) + 1},
		"skippable, and cut":  {"\x3f\x02\x01", 2},
		"cut in the payload":  {string(good[:len(good)-1]), 2},
		"no such recipient":   {string(appendIntent(nil, 1, false, []place{{1, 1}})), 4},
		"try 0":               {"\x21\x04\x02\x00\x01\x00", 6},
		"epoch 0":             {"\x21\x04\x00\x00\x01\x01", 3},
		"unknown choice":      {"\x24\x05\x04\x01\x00\x01\x01", 3},
		"number without end":  {"\x21\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 2},
		"number in long form": {"\x21\x04\x82\x00\x00\x01", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ofBatch(3, NewFold(1).Add(100, test.journal))
			want := fmt.Sprintf("corrupt journal of batch 3 at byte %d: ", 100+test.offset)
			if err == nil || len(err.Error()) <= len(want) || err.Error()[:len(want)] != want {
				t.Errorf("got %v, want %s…", err, want)
			}
		})
	}
}

func TestSummaryRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1<<40)
		s := summary{
			Counts: Counts{
				Pending: n.Draw(t, "pending"), Accepted: n.Draw(t, "accepted"), Rejected: n.Draw(t, "rejected"), InDoubt: n.Draw(t, "in doubt"), Suppressed: n.Draw(t, "suppressed"),
				Codes: rapid.MapOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"22091", "x=y z", "\"", "\xff\n"})), rapid.IntRange(1, 1000), 0, 4).Draw(t, "codes"),
			},
			bytes: n.Draw(t, "bytes"), epoch: n.Draw(t, "epoch"),
		}
		got, err := parseSummary(0, s.text())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, got, cmp.AllowUnexported(summary{})); diff != "" {
			t.Fatalf("%s\n(-want +got):\n%s", s.text(), diff)
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add(slices.Concat(intent(1, 1), came(1, sender.Accepted, "wamid", 5), resolved(Resend, 1, 4), withdrawn(300), suppressed(2)))
	f.Add(came(16, sender.Failed, "22041", 5))
	f.Fuzz(func(t *testing.T, journal []byte) {
		fold := NewFold(3)
		fold.SetEpoch(2)
		if fold.Add(0, string(journal)) != nil {
			return
		}
		c := fold.Counts()
		if c.Pending+c.Accepted+c.Rejected+c.InDoubt+c.Suppressed != 3 {
			t.Fatalf("%+v", c)
		}
		if diff := cmp.Diff(recounted(fold), c); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzSummary(f *testing.F) {
	f.Add("1 0 0 1 0 0 0 0")
	f.Add(`1 33 2 1 2 3 4 5 22041=3 "a b"=1`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSummary(0, text)
		if err != nil {
			return
		}
		again, err := parseSummary(0, s.text())
		if err != nil || !cmp.Equal(s, again, cmp.AllowUnexported(summary{})) {
			t.Fatalf("%q: %v, %v", text, again, err)
		}
	})
}
