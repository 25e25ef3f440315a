package receipt

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// held is what all keys hold.
func (h *house) held() map[string]string {
	h.t.Helper()
	all := map[string]string{}
	for _, name := range h.rdb.Keys(h.t.Context(), "*").Val() {
		dump, err := h.rdb.Dump(h.t.Context(), name).Result()
		if err != nil {
			h.t.Fatal(err)
		}
		all[name] = dump
	}
	return all
}

// recordKinds are the heads of a journal's records.
func recordKinds(t *testing.T, journal string) (kinds []byte) {
	t.Helper()
	for data := []byte(journal); len(data) > 0; {
		n, k := binary.Uvarint(data[1:])
		if k <= 0 || int(n) > len(data)-1-k {
			t.Fatalf("%x is no journal", journal)
		}
		kinds, data = append(kinds, data[0]), data[1+k+int(n):]
	}
	return kinds
}

// A worker that knows nothing of receipts works beside receivers: those write no key of
// its, but where they prove something, and then what it writes itself. It goes on with
// what they proved, and what it does is counted.
func TestWorkersNeedNotKnowOfReceipts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 2, 4)
	c := h.claim("c", 0)
	h.begin(c, 0, 1, 2)
	h.accept(c, 0, "m0")
	h.end(c, 1, sender.Unknown)
	h.end(c, 2, sender.Failed)
	named := func(i int, id string) sender.Receipt {
		r := rec(number(0, i), id, sender.Delivered, 1)
		r.Reference = "c/0/" + string(rune('0'+i)) + "/1"
		return r
	}
	before := h.held()
	journal := func() string { return h.rdb.Get(t.Context(), keys.Journal("c", 0)).Val() }
	was := journal()
	a := h.applier()
	h.apply(a, rec(number(0, 0), "m0", sender.Read, 1), rec(number(0, 3), "early", sender.Sent, 1), rec(number(1, 0), "foreign", sender.Sent, 1))
	h.sweep(a)
	ours := func(name string) bool {
		for _, own := range []string{":receipts:", ":funnel", ":phones"} {
			if strings.Contains(name, own) {
				return true
			}
		}
		return false
	}
	after := h.held()
	maps.DeleteFunc(after, func(name, _ string) bool { return ours(name) })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("counting receipts changes others' keys:\n%.2000q", diff)
	}
	h.apply(a, named(1, "m1"), named(2, "m2"))
	h.sweep(a)
	changed := []string{}
	for name, dump := range h.held() {
		if before[name] != dump && !ours(name) {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	if want := []string{keys.Journal("c", 0), keys.Summary("c")}; !slices.Equal(changed, want) {
		t.Errorf("a proof changes %v, want %v", changed, want)
	}
	grown, ok := strings.CutPrefix(journal(), was)
	kinds := recordKinds(t, was)
	for _, kind := range recordKinds(t, grown) {
		if !ok || !slices.Contains(kinds, kind) {
			t.Errorf("a record of kind %#x, and workers wrote %#x", kind, kinds)
		}
	}
	// Another worker takes over, by the journal alone: who was proved gets nothing more.
	again, err := h.l.Claim(t.Context(), "c", 0, "w", false)
	if err != nil {
		t.Fatal(err)
	}
	var left []int
	for i := range again.Pending() {
		left = append(left, i)
	}
	if !slices.Equal(left, []int{3}) {
		t.Errorf("%v are left to send, want the last alone", left)
	}
	h.begin(again, 3)
	h.accept(again, 3, "early")
	h.sweep(a)
	if f := h.look("c"); f.Delivered != 2 || f.Read != 1 || f.Sent != 0 || f.Early != 0 {
		t.Errorf("%+v", f)
	}
	if err := h.l.Verify(t.Context(), "c", func(p ledger.Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}
