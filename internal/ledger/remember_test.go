package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// Whatever Redis has less of than this process has seen is noticed, and nothing else.
func TestForgotten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(ctx context.Context, d *desk)
		want   bool
	}{
		"nothing":          {func(context.Context, *desk) {}, false},
		"a longer journal": {func(ctx context.Context, d *desk) { d.rdb.Append(ctx, keys.Journal(d.id, 0), "x") }, false},
		"a later claim":    {func(ctx context.Context, d *desk) { d.rdb.HIncrBy(ctx, keys.Claims(d.id), "0", 1) }, false},
		"a shorter journal": {func(ctx context.Context, d *desk) {
			text := d.rdb.Get(ctx, keys.Journal(d.id, 0)).Val()
			d.rdb.Set(ctx, keys.Journal(d.id, 0), text[:len(text)-1], 0)
		}, true},
		"no journal":     {func(ctx context.Context, d *desk) { d.rdb.Del(ctx, keys.Journal(d.id, 0)) }, true},
		"a lower epoch":  {func(ctx context.Context, d *desk) { d.rdb.HSet(ctx, keys.Claims(d.id), "0", 1) }, true},
		"no claim":       {func(ctx context.Context, d *desk) { d.rdb.HDel(ctx, keys.Claims(d.id), "0") }, true},
		"an empty Redis": {func(ctx context.Context, d *desk) { d.rdb.FlushAll(ctx) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.stage(t, 0, 3)
			for range 2 {
				c, err := d.Claim(t.Context(), d.id, 0, "w", false)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Begin(t.Context(), []int{0}); err != nil && !errors.Is(err, ErrNotPending) {
					t.Fatal(err)
				}
			}
			d.forgotten(t, false, false)
			tt.change(t.Context(), d)
			d.forgotten(t, false, false) // it was asked about already
			d.forgotten(t, true, tt.want)
			for _, all := range []bool{true, false} {
				if ids := d.Remembered(all); (len(ids) == 1) != all {
					t.Errorf("remembered, of all %t: %v", all, ids)
				}
			}
			d.Forget(d.id)
			d.forgotten(t, true, false)
			if left := d.Remembered(true); len(left) > 0 {
				t.Errorf("%v is remembered", left)
			}
		})
	}
}

// forgotten sees what Forgotten says.
func (d *desk) forgotten(t *testing.T, all, want bool) {
	t.Helper()
	if got, err := d.Forgotten(t.Context(), d.id, all); err != nil || got != want {
		t.Errorf("forgotten, of all %t: %t, %v, want %t", all, got, err, want)
	}
}

// An older claim of this process that ends late is no sign of anything.
func TestLateSettlementIsNotForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 3)
	old := d.claim(t, 0, "w", false)
	begin(t, old, 0)
	newer := d.claim(t, 0, "w", false)
	settle(t, old, Settlement{Index: 0, Outcome: sender.Accepted, MessageID: "m", Time: noon})
	d.forgotten(t, true, false)
	begin(t, newer, 1)
	settle(t, newer, Settlement{Index: 1, Outcome: sender.Accepted, MessageID: "n", Time: noon})
	d.forgotten(t, true, false)
}

// On a journal that is shorter than it was nothing begins.
func TestForgottenBeginsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 3)
	c, err := d.Claim(t.Context(), d.id, 0, "w", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(t.Context(), []int{0}); err != nil {
		t.Fatal(err)
	}
	d.rdb.Del(t.Context(), keys.Journal(d.id, 0))
	if err := c.Begin(t.Context(), []int{1}); !errors.Is(err, ErrForgotten) {
		t.Errorf("begun on a journal that is gone: %v", err)
	}
	d.forgotten(t, false, true)
}

// Whoever resumes a campaign has been told: a claim of before that ends after it, however
// much of its journal is gone, does not halt the campaign once more.
func TestForgetIsForClaimsThatEndLate(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 3)
	d.stage(t, 1, 3)
	var late []*Claim
	for n := range 2 {
		c := d.claim(t, n, "w", false)
		begin(t, c, 0)
		late = append(late, c)
	}
	d.rdb.Del(ctx, keys.Journal(d.id, 1))
	d.forgotten(t, true, true)
	d.Forget(d.id)
	for _, c := range late {
		// What they have to say may not fit what is left of the journal.
		if _, err := c.Settle(ctx, accept(0)); err != nil {
			t.Log(err)
		}
	}
	d.forgotten(t, true, false)
	if left := d.Remembered(true); len(left) > 0 {
		t.Errorf("%v is remembered", left)
	}
}

// A batch that is claimed again, of which Redis has less than it had: who is submitted
// to in the part that is gone would look untouched.
func TestForgottenIsNoticedByAClaim(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, d *desk){
		"nothing":   func(context.Context, *desk) {},
		"a journal": func(ctx context.Context, d *desk) { d.rdb.Del(ctx, keys.Journal(d.id, 0)) },
		"a claim":   func(ctx context.Context, d *desk) { d.rdb.HDel(ctx, keys.Claims(d.id), "0") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, ctx := newDesk(t), t.Context()
			d.stage(t, 0, 3)
			c := d.claim(t, 0, "w", false)
			begin(t, c, 0)
			settle(t, c, accept(0)...)
			if err := c.Release(ctx); err != nil {
				t.Fatal(err)
			}
			change(ctx, d)
			c = d.claim(t, 0, "w", false)
			if err := c.Begin(ctx, []int{1}); errors.Is(err, ErrForgotten) != (name != "nothing") {
				t.Errorf("beginning: %v", err)
			}
		})
	}
}

// The last worker that stops in order leaves a mark, which the next one takes away.
func TestRested(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	rested := func(want bool) {
		t.Helper()
		if got, err := d.Rested(t.Context()); err != nil || got != want {
			t.Errorf("rested: %t, %v, want %t", got, err, want)
		}
	}
	d.beat(t, "a", 1)
	d.beat(t, "b", 1)
	rested(false)
	leave := func(worker string) {
		t.Helper()
		if err := d.Leave(t.Context(), worker); err != nil {
			t.Fatal(err)
		}
	}
	leave("a")
	rested(false)
	leave("b")
	rested(true)
	d.beat(t, "c", 1)
	rested(false)
}

// deadlines notes by when each pipeline must be answered.
type deadlines struct{ all []time.Time }

func (*deadlines) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*deadlines) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (d *deadlines) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "hget" { // not what a connection begins with
			at, _ := ctx.Deadline()
			d.all = append(d.all, at)
		}
		return next(ctx, cmds)
	}
}

// A look at very many batches is bounded by steps: as a whole it would never end where
// all of them together take longer than one answer may.
func TestForgottenAsksInSteps(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	seen := d.memory.of(d.id)
	for n := range 2*askedAtOnce + 1 {
		d.memory.note(seen, n, 0, 0)
	}
	var asked deadlines
	d.rdb.AddHook(&asked)
	d.forgotten(t, true, false)
	if len(asked.all) != 3 || !asked.all[0].Before(asked.all[1]) || !asked.all[1].Before(asked.all[2]) {
		t.Errorf("asked with the deadlines %v", asked.all)
	}
}
