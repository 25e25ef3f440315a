package ledger

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// A wire is what lies between the ledger and Redis: it loses answers, and sends
// commands twice, as a client does after a lost answer.
type wire struct {
	mu    sync.Mutex
	lose  int // answers to lose, of the commands that follow
	cut   bool
	twice bool
	// meanwhile, if set, happens once, on the way of the next script to Redis.
	meanwhile func()
}

func (w *wire) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *wire) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (w *wire) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.mu.Lock()
		cut, lost := w.cut, w.lose > 0
		if do := w.meanwhile; do != nil && strings.HasPrefix(cmd.Name(), "eval") {
			w.meanwhile = nil
			do()
		}
		if lost {
			w.lose--
		}
		w.mu.Unlock()
		if cut {
			cmd.SetErr(io.ErrClosedPipe)
			return io.ErrClosedPipe
		}
		err := next(ctx, cmd)
		if lost {
			cmd.SetErr(io.ErrUnexpectedEOF)
			return io.ErrUnexpectedEOF
		}
		if w.twice && err == nil && strings.HasPrefix(cmd.Name(), "eval") {
			err = next(ctx, cmd)
		}
		return err
	}
}

func newWiredDesk(t testing.TB, w *wire) *desk {
	t.Helper()
	d := newDesk(t)
	// The scripts are in the server's cache, so that the next answer lost is that
	// of a script that ran.
	d.stage(t, 99, 1)
	c := d.claim(t, 99, "warm", false)
	begin(t, c, 0)
	settle(t, c, accept(0)...)
	d.rdb.AddHook(w)
	return d
}

func TestCommandsThatAreSentTwiceCountOnce(t *testing.T) {
	t.Parallel()
	w := &wire{twice: true}
	d, ctx := newWiredDesk(t, w), t.Context()
	if _, err := d.Stage(ctx, d.id, makeBatch(0, 4, 0)); err != nil {
		t.Fatal(err)
	}
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1, 2, 3)
	if err := c.Withdraw(ctx, []int{3}); err != nil {
		t.Fatal(err)
	}
	settle(t, c, accept(0)...)
	settle(t, c, Settlement{Index: 1, Outcome: sender.Failed, Code: "-1", Time: noon}, Settlement{Index: 2, Outcome: sender.Unknown, Code: "timeout", Time: noon})
	begin(t, c, 1)
	settle(t, c, Settlement{Index: 1, Outcome: sender.Failed, Code: "-1", Time: noon})
	if n, err := d.Resolve(ctx, d.id, Resend); err != nil || n > 1 {
		t.Fatal(n, err)
	}
	begin(t, c, 3) // and learns of the resolution
	totals, err := d.Totals(ctx, d.id)
	if err != nil || totals.Accepted != 2 || totals.Pending != 3 || totals.InDoubt != 0 {
		t.Errorf("%+v, %v", totals, err)
	}
	if st := c.fold.Standing(1); st.Attempts != 2 || st.Tries != 2 {
		t.Errorf("%+v", st)
	}
	if st := c.fold.Standing(2); st.State != Retry || st.Attempts != 1 {
		t.Errorf("%+v", st)
	}
}

// TestBeginWithoutAnswerLeavesNobodyInDoubt: the intent is on record and the
// worker does not know. It may not submit, and withdraws at the release.
func TestBeginWithoutAnswerLeavesNobodyInDoubt(t *testing.T) {
	t.Parallel()
	w := &wire{}
	d, ctx := newWiredDesk(t, w), t.Context()
	d.stage(t, 0, 3)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 2)
	w.lose = 1 + 3 // and whatever the client tries again
	if err := c.Begin(ctx, []int{0, 1}); err == nil {
		t.Fatal("a begin without an answer succeeded")
	}
	w.lose = 0
	begin(t, c, 1) // one of them is begun after all
	settle(t, c, accept(1, 2)...)
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	c = d.claim(t, 0, "v", false)
	counts := c.Counts()
	if counts.Pending != 1 || counts.Accepted != 2 || counts.InDoubt != 0 {
		t.Errorf("%+v", counts)
	}
	for i, p := range c.Pending() {
		if i != 0 || p.Attempts != 0 || p.Tries != 1 {
			t.Errorf("recipient %d: %+v", i, p)
		}
	}
}

// TestSuppressionThatIsCutShort leaves nobody in doubt: they are suppressed, or as they
// were.
func TestSuppressionThatIsCutShort(t *testing.T) {
	t.Parallel()
	for lost := range 2 {
		w := &wire{}
		d, ctx := newWiredDesk(t, w), t.Context()
		d.stage(t, 0, 3)
		c := d.claim(t, 0, "w", false)
		begin(t, c, 2)
		settle(t, c, accept(2)...)
		w.lose = 4 * lost
		if err := c.Suppress(ctx, []int{1}); (err != nil) != (lost > 0) {
			t.Fatalf("%d answers lost: %v", lost, err)
		}
		w.lose = 0
		d.rdb.Del(ctx, keys.Worker("w")) // which dies here
		c = d.claim(t, 0, "v", false)
		got := c.Counts()
		if got.Accepted != 1 || got.Suppressed != 1 || got.Pending != 1 || got.InDoubt != 0 {
			t.Errorf("%d answers lost: %+v", lost, got)
		}
		if err := c.Release(ctx); err != nil {
			t.Fatal(err)
		}
		if counts := d.verified(t, 0); counts.Suppressed != 1 {
			t.Errorf("%+v", counts)
		}
	}
}

// TestTurnThatIsSentTwice: the outcomes count once, and who was begun the first time
// is submitted to by nobody and in doubt neither.
func TestTurnThatIsSentTwice(t *testing.T) {
	t.Parallel()
	w := &wire{twice: true}
	d, ctx := newWiredDesk(t, w), t.Context()
	if _, err := d.Stage(ctx, d.id, makeBatch(0, 4, 0)); err != nil {
		t.Fatal(err)
	}
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	_, refused, err := c.Turn(ctx, accept(0, 1), []int{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, refused, ErrNotPending)
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if counts := d.verified(t, 0); counts.Accepted != 2 || counts.Pending != 2 {
		t.Errorf("%+v", counts)
	}
}

// TestTurnWithoutAnswer records the outcomes all the same, and begins nobody.
func TestTurnWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := &wire{}
	d, ctx := newWiredDesk(t, w), t.Context()
	d.stage(t, 0, 4)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	w.lose = 1
	_, refused, err := c.Turn(ctx, accept(0, 1), []int{2, 3})
	if err != nil || refused == nil {
		t.Fatalf("%v, %v", refused, err)
	}
	if counts := c.Counts(); counts.Accepted != 2 {
		t.Errorf("%+v", counts)
	}
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	c = d.claim(t, 0, "v", false)
	if counts := c.Counts(); counts.Accepted != 2 || counts.Pending != 2 || counts.InDoubt != 0 {
		t.Errorf("%+v", counts)
	}
}

// TestTurnBehindAnothersRecord begins all the same, where that was about others.
func TestTurnBehindAnothersRecord(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 4)
	old := d.claim(t, 0, "old", false)
	begin(t, old, 3)
	d.rdb.Del(ctx, keys.Worker("old"))
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0)
	settle(t, old, accept(3)...)
	if _, refused, err := c.Turn(ctx, accept(0), []int{1, 2}); err != nil || refused != nil {
		t.Fatalf("%v, %v", refused, err)
	}
	settle(t, c, accept(1, 2)...)
	if counts := d.verified(t, 0); counts.Accepted != 4 {
		t.Errorf("%+v", counts)
	}
}

// TestOutcomesOutliveAnOutage: what could not be recorded in time is recorded
// with what comes next, or at the release.
func TestOutcomesOutliveAnOutage(t *testing.T) {
	t.Parallel()
	w := &wire{}
	d := newWiredDesk(t, w)
	d.stage(t, 0, 3)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1, 2)
	outage := func(index int) {
		t.Helper()
		w.mu.Lock()
		w.cut = true
		w.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.Settle(ctx, accept(index))
		wants(t, err, context.DeadlineExceeded)
		w.mu.Lock()
		w.cut = false
		w.mu.Unlock()
	}
	outage(0)
	settle(t, c, accept(1)...)
	if totals, err := d.Totals(t.Context(), d.id); err != nil || totals.Accepted != 1+2 {
		t.Errorf("%+v, %v", totals, err)
	}
	outage(2)
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if counts := d.verified(t, 0); counts.Accepted != 3 {
		t.Errorf("%+v", counts)
	}
}

func TestSettleWithoutAnswerIsRecordedOnce(t *testing.T) {
	t.Parallel()
	w := &wire{}
	d := newWiredDesk(t, w)
	d.stage(t, 0, 2)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	w.lose = 2
	settle(t, c, accept(0)...)
	settle(t, c, Settlement{Index: 1, Outcome: sender.Rejected, Code: "22091", Time: noon})
	if counts := d.verified(t, 0); counts.Accepted != 1 || counts.Rejected != 1 {
		t.Errorf("%+v", counts)
	}
}

// verified are a batch's counts as its journal has them, with the summary and
// all else in agreement.
func (d *desk) verified(t testing.TB, n int) Counts {
	t.Helper()
	err := d.Verify(t.Context(), d.id, func(p Problem) {
		if p.Text != "batch 1 is not staged, and this one is" && !strings.HasPrefix(p.Text, "its rows") {
			t.Errorf("problem: %v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := d.Staged(t.Context(), d.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range staged {
		if s.N == n {
			read, err := d.read(t.Context(), d.id, false, s)
			if err != nil {
				t.Fatal(err)
			}
			f := NewFold(0)
			if err := read[0].foldInto(f, s); err != nil {
				t.Fatal(err)
			}
			return f.Counts()
		}
	}
	t.Fatalf("no batch %d", n)
	return Counts{}
}

// TestRedisThatLostWrites is a failover to a replica that lags: the worker must
// not go on as if nothing were, and must not loop.
func TestRedisThatLostWrites(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 3)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	settle(t, c, accept(0)...)
	d.rdb.Del(ctx, keys.Journal(d.id, 0))
	settle(t, c, accept(1)...)
	if counts := c.Counts(); counts.Accepted != 1 || counts.Pending != 2 {
		t.Errorf("%+v: what is gone from Redis is still counted", counts)
	}
	d.rdb.HSet(ctx, keys.Claims(d.id), 0, c.Epoch-1)
	wants(t, c.Begin(ctx, []int{2}), ErrForgotten)
	d.Forget(d.id) // as whoever halted the campaign does
	wants(t, c.Begin(ctx, []int{2}), ErrStale)
	settle(t, c, accept(1)...)
}

// TestLostClaimBeginsNothing: a failover has lost a claim, and another worker got
// its epoch. The first is still there, and must not begin anything beside it.
func TestLostClaimBeginsNothing(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 3)
	lost := d.claim(t, 0, "v", false)
	d.rdb.Del(ctx, keys.Claims(d.id), keys.Owners(d.id))
	d.Forget(d.id) // for the other worker is another process, which has not seen that claim
	c := d.claim(t, 0, "w", false)
	if c.Epoch != lost.Epoch {
		t.Fatalf("epochs %d and %d", lost.Epoch, c.Epoch)
	}
	begin(t, c, 0)
	wants(t, lost.Begin(ctx, []int{0}), ErrStale)
	wants(t, lost.Begin(ctx, []int{1}), ErrStale)
	settle(t, c, accept(0)...)
	begin(t, c, 1)
}

func TestFullRedisTakesOutcomesOnceItCan(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 2)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0)
	d.rdb.ConfigSet(ctx, "maxmemory", "1")
	if err := c.Begin(ctx, []int{1}); err == nil {
		t.Error("an intent went into a full Redis")
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := c.Settle(short, accept(0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("settling: %v", err)
	}
	d.rdb.ConfigSet(ctx, "maxmemory", "0")
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if counts := d.verified(t, 0); counts.Accepted != 1 || counts.Pending != 1 {
		t.Errorf("%+v", counts)
	}
}

// TestResolveGivesWayToTheOutcome that lands between its reading and its
// writing.
func TestResolveGivesWayToTheOutcome(t *testing.T) {
	t.Parallel()
	w := &wire{}
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 2)
	old := d.claim(t, 0, "old", false)
	begin(t, old, 0, 1)
	d.rdb.Del(ctx, keys.Worker("old"))
	if _, err := d.Reclaim(ctx, d.id); err != nil {
		t.Fatal(err)
	}
	other := redis.NewClient(d.rdb.Options())
	defer other.Close()
	other.AddHook(w)
	w.meanwhile = func() { settle(t, old, accept(0)...) }
	n, err := New(other, d.now).Resolve(ctx, d.id, Reject)
	if n != 1 || err != nil {
		t.Errorf("%d resolved, %v; want the one that is in doubt yet", n, err)
	}
	if counts := d.verified(t, 0); counts.Accepted != 1 || counts.Rejected != 1 || counts.Codes[string(CodeResolved)] != 1 {
		t.Errorf("%+v", counts)
	}
}
