package receipt

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/sender"
)

const size = 5

func anEntry(t *rapid.T) entry {
	e := entry{
		index: rapid.IntRange(0, size-1).Draw(t, "index"), status: rapid.SampledFrom(sender.Statuses[:]).Draw(t, "status"),
		deleted: rapid.Bool().Draw(t, "deleted"), at: uint32(rapid.IntRange(1_790_000_000, 1_790_000_005).Draw(t, "at")),
		key: rapid.SampledFrom([]key{1, 2, keyOfTry(1), keyOfTry(2)}).Draw(t, "key"),
	}
	if e.status == sender.Undelivered {
		e.code = rapid.SampledFrom([]string{"other", "smecl", "meta_131026", "meta_131049"}).Draw(t, "code")
	}
	return e
}

func entries(t *rapid.T) []entry {
	return rapid.SliceOfN(rapid.Custom(anEntry), 0, 30).Draw(t, "entries")
}

func folded(all []entry) *fold {
	f := newFold(size)
	for _, e := range all {
		f.add(e)
	}
	return f
}

// said is all that a fold says, for each set of accepted messages.
func said(f *fold) (all []any) {
	for i := range size {
		for _, ids := range [][]key{nil, {1}, {2}, {1, 2}, {3}} {
			s, early := f.of(i, ids)
			all = append(all, s.status, s.deleted, s.at, s.code, early)
		}
	}
	return all
}

// Of two codes of the same second, and of two ids that share a key, the lesser counts,
// whichever came first.
func TestFoldOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	lesser := entry{key: 1, status: sender.Undelivered, at: 1_790_000_000, code: "meta_131026", messageID: "a"}
	greater := entry{key: 1, status: sender.Undelivered, at: 1_790_000_000, code: "meta_131049", messageID: "b"}
	for _, order := range [][]entry{{lesser, greater}, {greater, lesser}} {
		f := folded(order)
		if m := f.recipients[0]; len(m) != 1 || m[0].code != lesser.code || m[0].messageID != lesser.messageID {
			t.Errorf("%+v", m)
		}
		if f.add(greater) || f.add(lesser) {
			t.Error("one of them is new the second time")
		}
	}
}

// Neither order nor repetition, nor how entries are cut into records, makes a
// difference.
func TestFoldIsALattice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := entries(t)
		want := said(folded(all))
		again := append(slices.Clone(all), all...)
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rnd.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if diff := cmp.Diff(want, said(folded(again))); diff != "" {
			t.Fatalf("in another order, repeated (-want +got):\n%s", diff)
		}
		var log []byte
		for len(again) > 0 {
			n := rapid.IntRange(1, len(again)).Draw(t, "record")
			log = appendEntries(log, slices.Clone(again[:n]))
			again = again[n:]
		}
		f := newFold(size)
		if err := newCodec().entries(string(log), size, func(e entry) { f.add(e) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, said(f)); diff != "" {
			t.Fatalf("through the log (-want +got):\n%s", diff)
		}
		for _, e := range all {
			if f.add(e) {
				t.Fatalf("%+v is new the second time", e)
			}
		}
	})
}

// The fold against a naive reading: all receipts of the messages that count, sorted.
func TestFoldAgainstANaiveMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := entries(t)
		ids := rapid.SampledFrom([][]key{nil, {1}, {2}, {1, 2}}).Draw(t, "ids")
		f := folded(all)
		for i := range size {
			seen := map[sender.Status]uint32{}
			strangers := map[key]bool{}
			best, code, deleted := sender.Status(0), "", false
			for _, e := range all {
				if e.index != i {
					continue
				}
				ours := slices.Contains(ids, e.key) || len(ids) > 0 && e.key >= 1<<24
				if !ours {
					strangers[e.key] = true
					continue
				}
				if at, ok := seen[e.status]; e.status == sender.Undelivered && (!ok || e.at < at || e.at == at && e.code < code) {
					code = e.code
				}
				if at, ok := seen[e.status]; !ok || e.at < at {
					seen[e.status] = e.at
				}
				best, deleted = max(best, e.status), deleted || e.deleted
			}
			s, early := f.of(i, ids)
			if s.status != best || s.deleted != deleted || early != len(strangers) || s.code != code {
				t.Fatalf("recipient %d: %+v, %d early; want %v, %v, %q, %d", i, s, early, best, deleted, code, len(strangers))
			}
			for _, status := range sender.Statuses {
				at, ok := seen[status]
				if ok != (s.at[status] != 0) || ok && s.at[status] != at+1 {
					t.Fatalf("recipient %d: %v at %d, want %d", i, status, s.at[status], at)
				}
			}
		}
	})
}

// A late status of lower rank takes nothing back, whatever it is.
func TestNoStatusGetsLower(t *testing.T) {
	t.Parallel()
	for i, high := range sender.Statuses {
		for _, low := range sender.Statuses[:i] {
			f := folded([]entry{{index: 0, key: 1, status: high, at: 10}, {index: 0, key: 1, status: low, at: 20}})
			if s, _ := f.of(0, []key{1}); s.status != high {
				t.Errorf("%v after %v gives %v", low, high, s.status)
			}
		}
	}
}

func TestFunnelText(t *testing.T) {
	t.Parallel()
	f := Funnel{Sent: 1, Delivered: 2, Read: 3, Undelivered: 4, Early: 5, Codes: map[string]int{"smecl": 1, "meta_131026": 3}, Last: 1_790_000_000}
	text := f.text(100, 200)
	back, log, journal, err := parseFunnel(text)
	if diff := cmp.Diff(f, back); diff != "" || err != nil || log != 100 || journal != 200 {
		t.Errorf("%q: %v %d %d %s", text, err, log, journal, diff)
	}
	for _, bad := range []string{"", "2 1 1 0 0 0 0 0 0", "1 1 1", text + " x", text + " x=y", "1 a 1 0 0 0 0 0 0"} {
		if _, _, _, err := parseFunnel(bad); !errors.Is(err, errFunnel) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzReadEntries(f *testing.F) {
	f.Add(string(appendEntries(nil, []entry{{index: 2, key: keyOf("a"), status: sender.Sent, at: 7}, {index: 0, key: keyOfTry(3), status: sender.Undelivered, at: 9, code: "smecl"}})))
	f.Add("\x01\x05\xff\xff\xff\xff\x0f")
	f.Fuzz(func(t *testing.T, text string) {
		log := newFold(size)
		var all []entry
		err := newCodec().entries(text, size, func(e entry) { log.add(e); all = append(all, e) })
		if err == nil && len(all) > 0 {
			again := newFold(size)
			if err := newCodec().entries(string(appendEntries(nil, all)), size, func(e entry) { again.add(e) }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(said(log), said(again)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
