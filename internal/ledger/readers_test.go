package ledger

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// A look follows a batch's journal as it grows, and begins anew where Redis has lost
// some of it.
func TestLook(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.stage(t, 0, 3)
	k, err := d.Look(t.Context(), d.id, 0)
	if err != nil {
		t.Fatal(err)
	}
	refresh := func() {
		t.Helper()
		if err := d.Refresh(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(i int) (all []string) {
		k.Accepted(i, func(id string) { all = append(all, id) })
		return all
	}
	if refresh(); k.Phones[2] != b.Recipients[2].Phone || k.Began(0) || k.Outcome() != 0 {
		t.Errorf("%+v", k)
	}
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	if refresh(); !k.Began(0) || k.Began(2) || k.Outcome() != 0 || ids(0) != nil {
		t.Error("what is begun is not seen, or more")
	}
	beforeOutcomes := d.rdb.Get(t.Context(), keys.Journal(d.id, 0)).Val()
	if _, err := c.Settle(t.Context(), append(accept(0), Settlement{Index: 1, Outcome: sender.Failed, Code: "5", Time: noon})); err != nil {
		t.Fatal(err)
	}
	refresh()
	at := k.Outcome()
	if int64(at) != d.rdb.StrLen(t.Context(), keys.Journal(d.id, 0)).Val() || !slices.Equal(ids(0), []string{"wamid.0"}) || ids(1) != nil {
		t.Errorf("outcome at %d, ids %v %v", at, ids(0), ids(1))
	}
	for i, want := range []bool{false, true, false} {
		if k.Failed(i, 0) != want || k.Failed(i, 1) != want || k.Failed(i, 2) {
			t.Errorf("%d failed: %t", i, k.Failed(i, 0))
		}
	}
	d.rdb.Set(t.Context(), keys.Journal(d.id, 0), beforeOutcomes, 0)
	if refresh(); k.Outcome() != 0 || ids(0) != nil || !k.Began(1) {
		t.Error("what Redis has lost is known all the same")
	}
	if _, err := d.Look(t.Context(), d.id, 1); !errors.Is(err, ErrNotStaged) {
		t.Errorf("of no batch: %v", err)
	}
}

// The totals of many campaigns at once are those of each.
func TestTotalsOf(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for n, size := range []int{4, 0, 2} {
		d.stage(t, n, size)
	}
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1, 2)
	if _, err := c.Settle(t.Context(), append(accept(0),
		Settlement{Index: 1, Outcome: sender.Rejected, Code: "5", Time: noon}, Settlement{Index: 2, Outcome: sender.Unknown, Code: "timeout", Time: noon})); err != nil {
		t.Fatal(err)
	}
	c = d.claim(t, 2, "w", false)
	begin(t, c, 0, 1)
	if _, err := c.Settle(t.Context(), accept(0, 1)); err != nil {
		t.Fatal(err)
	}
	want, err := d.Totals(t.Context(), d.id)
	if err != nil {
		t.Fatal(err)
	}
	counted := Counted{ID: d.id, Rows: want.Rows, Recipients: 6, Invalid: 3, Duplicate: 3, Suppressed: 3, Batches: 3, Tasks: 2}
	got, err := d.TotalsOf(t.Context(), counted, Counted{ID: "expired", Rows: 9, Batches: 1})
	if err != nil || len(got) != 2 || got[1].Rows != 0 {
		t.Fatal(got, err)
	}
	if diff := cmp.Diff(want, got[0]); diff != "" || want.Accepted != 3 || want.Pending != 1 || want.BatchesDone != 2 {
		t.Errorf("(-Totals +TotalsOf):\n%s", diff)
	}
	if none, err := d.TotalsOf(t.Context()); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}

// Who holds batches, and who is in flight under them; given back, nobody.
func TestOwnersAndInFlight(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 3)
	d.stage(t, 1, 3)
	is := func(what string, owned, inFlight int, owners ...string) {
		t.Helper()
		o, err := d.Owned(t.Context(), d.id)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.InFlight(t.Context(), d.id)
		if err != nil {
			t.Fatal(err)
		}
		by, err := d.Owners(t.Context(), d.id, "another")
		if err != nil || o != owned || f != inFlight || !slices.Equal(by[d.id], owners) || by["another"] != nil {
			t.Errorf("%s: %d batches, %d in flight, of %v, %v", what, o, f, by, err)
		}
	}
	is("at first", 0, 0)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 2)
	d.claim(t, 1, "v", false)
	is("claimed", 2, 2, "v", "w")
	if _, err := c.Settle(t.Context(), accept(2)); err != nil {
		t.Fatal(err)
	}
	is("settled", 2, 1, "v", "w")
	for _, worker := range []string{"w", "nobody"} {
		if err := d.ReleaseAll(t.Context(), d.id, worker); err != nil {
			t.Fatal(err)
		}
	}
	is("given back", 1, 0, "v")
	if totals, err := d.Totals(t.Context(), d.id); err != nil || totals.InDoubt != 1 {
		t.Errorf("what was begun is not in doubt: %+v, %v", totals, err)
	}
}

// The numbers of all recipients are read, each batch once; one that is gone is said.
func TestPhones(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := map[int][]uint64{}
	for n, size := range []int{3, 0, 1} {
		for _, r := range d.stage(t, n, size).Recipients {
			number, err := strconv.ParseUint(r.Phone, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			want[n] = append(want[n], number)
		}
	}
	staged, err := d.Staged(t.Context(), d.id)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[int][]uint64{}
	if err := d.Phones(t.Context(), d.id, staged, func(n int, phones []uint64) error {
		mu.Lock()
		defer mu.Unlock()
		got[n] = append(got[n], phones...)
		return nil
	}); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	stop := errors.New("enough")
	if err := d.Phones(t.Context(), d.id, staged, func(int, []uint64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	d.rdb.Del(t.Context(), keys.Recipients(d.id, 2))
	var corrupt *CorruptError
	if err := d.Phones(t.Context(), d.id, staged, func(int, []uint64) error { return nil }); !errors.As(err, &corrupt) || corrupt.Batch != 2 {
		t.Errorf("%v", err)
	}
}

// What was staged of a list that is refused is taken back, by the newest run of its
// import alone.
func TestUnstage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 2)
	d.stage(t, 1, 2)
	if err := d.Unstage(t.Context(), d.id, 1); !errors.Is(err, ErrSuperseded) {
		t.Errorf("of a running campaign: %v", err)
	}
	d.state(t, "importing")
	if err := d.Unstage(t.Context(), d.id, 2); !errors.Is(err, ErrSuperseded) {
		t.Errorf("by another run: %v", err)
	}
	for range 2 { // cut short, it is repeated
		if err := d.Unstage(t.Context(), d.id, 1); err != nil {
			t.Fatal(err)
		}
	}
	if left := d.rdb.Keys(t.Context(), keys.Campaign(d.id)+":*").Val(); len(left) != 0 {
		t.Errorf("left is %v", left)
	}
}

// Rows that were to expire stay where the campaign goes on.
func TestKeep(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 2)
	d.state(t, "finished")
	for _, tt := range []struct {
		state string
		do    func() error
		left  bool
	}{
		{"running", func() error { return d.Expire(t.Context(), d.id, time.Hour) }, false}, // it goes on: nothing expires
		{"finished", func() error { return d.Expire(t.Context(), d.id, time.Hour) }, true},
		{"running", func() error { return d.Keep(t.Context(), d.id) }, false},
	} {
		d.state(t, tt.state)
		if err := tt.do(); err != nil {
			t.Fatal(err)
		}
		if left := d.rdb.PTTL(t.Context(), keys.Recipients(d.id, 0)).Val(); left > 0 != tt.left {
			t.Errorf("%s: its rows expire in %s", tt.state, left)
		}
	}
}

// The last sign of any worker, and how long the server has been up.
func TestLastBeatAndUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if last, err := d.LastBeat(t.Context()); err != nil || !last.IsZero() {
		t.Errorf("%s, %v", last, err)
	}
	if _, err := d.Beat(t.Context(), Heartbeat{Worker: "w"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if last, err := d.LastBeat(t.Context()); err != nil || last.IsZero() {
		t.Errorf("%s, %v", last, err)
	}
	if up, err := d.Up(t.Context()); err != nil || up < 0 || up > time.Hour {
		t.Errorf("%s, %v", up, err)
	}
	d.rdb.Close()
	if _, err := d.Up(t.Context()); !errors.Is(err, ErrUncheckable) {
		t.Errorf("%v", err)
	}
}

func TestParseChoice(t *testing.T) {
	t.Parallel()
	for _, c := range []Choice{Accept, Reject, Resend} {
		if got, err := ParseChoice(c.String()); got != c || err != nil {
			t.Errorf("%s: %s, %v", c, got, err)
		}
	}
	for _, word := range []string{"", "accepted", "invalid", "Resend"} {
		if c, err := ParseChoice(word); err == nil {
			t.Errorf("%q is %s", word, c)
		}
	}
}
