package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// noon is when everything happens in these tests.
var noon = time.UnixMilli(1_790_000_000_000)

// A desk is a ledger on a Redis of its own, with one running campaign.
type desk struct {
	*Ledger
	rdb *redis.Client
	id  string
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{rdb: redistest.New(t).Client(t), id: "c"}
	d.Ledger = New(d.rdb, func() time.Time { return noon })
	d.state(t, "running")
	return d
}

func (d *desk) state(t testing.TB, state string) {
	t.Helper()
	if err := d.rdb.HSet(t.Context(), keys.Campaign(d.id), "state", state).Err(); err != nil {
		t.Fatal(err)
	}
}

// Stage stages a batch as the import does, whatever the campaign's state is then.
func (d *desk) Stage(ctx context.Context, id string, b *batch.Batch) (bool, error) {
	return stageInto(ctx, d.rdb, d.Ledger, id, b)
}

func stageInto(ctx context.Context, rdb *redis.Client, l *Ledger, id string, b *batch.Batch) (bool, error) {
	state := rdb.HGet(ctx, keys.Campaign(id), "state").Val()
	rdb.HSet(ctx, keys.Campaign(id), "state", "importing", "import", 1)
	defer rdb.HSet(ctx, keys.Campaign(id), "state", state)
	return l.Stage(ctx, id, 1, b)
}

// stage stages a batch of size recipients and a skipped row of each kind.
func (d *desk) stage(t testing.TB, n, size int) *batch.Batch {
	t.Helper()
	b := makeBatch(n, size, n*(size+3))
	staged, err := d.Stage(t.Context(), d.id, b)
	if err != nil || !staged {
		t.Fatalf("staging batch %d: %v, %v", n, staged, err)
	}
	return b
}

func (d *desk) claim(t testing.TB, n int, worker string, resend bool) *Claim {
	t.Helper()
	if err := d.rdb.Set(t.Context(), keys.Worker(worker), 1, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	c, err := d.Claim(t.Context(), d.id, n, worker, resend)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// makeBatch makes a batch whose rows follow after: an invalid one first, a
// duplicate in the middle and a suppressed one last.
func makeBatch(n, size, after int) *batch.Batch {
	b := &batch.Batch{N: n, Digest: [16]byte{byte(n), byte(size), 7}}
	row := after
	skip := func(kind batch.Kind) {
		row++
		b.Skipped = append(b.Skipped, batch.Skipped{Row: row, Line: row + 1, Kind: kind, Reason: "because", Phone: "12"})
	}
	skip(batch.Invalid)
	for i := range size {
		if i == size/2 {
			skip(batch.Duplicate)
		}
		row++
		b.Recipients = append(b.Recipients, batch.Recipient{
			Row: row, Phone: fmt.Sprint(5511900000000 + int64(row)*7919%100000000),
			Vars: []string{fmt.Sprintf("Maria%d", row%97), fmt.Sprintf("%d%%", row%50), fmt.Sprintf("SKU-%06d", row*31%1000000)},
		})
	}
	if size == 0 {
		skip(batch.Duplicate)
	}
	skip(batch.Suppressed)
	return b
}

func accept(indexes ...int) []Settlement {
	var all []Settlement
	for _, i := range indexes {
		all = append(all, Settlement{Index: i, Outcome: sender.Accepted, MessageID: fmt.Sprintf("wamid.%d", i), Time: noon})
	}
	return all
}

func begin(t testing.TB, c *Claim, indexes ...int) {
	t.Helper()
	if err := c.Begin(t.Context(), indexes); err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, c *Claim, s ...Settlement) (reopened bool) {
	t.Helper()
	reopened, err := c.Settle(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return reopened
}

func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestBatchFromStageToDone(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), context.Background()
	d.stage(t, 0, 3)
	c := d.claim(t, 0, "w1", false)
	begin(t, c, 0, 1, 2)
	settle(t, c, accept(0, 1)...)
	settle(t, c, Settlement{Index: 2, Outcome: sender.Failed, Code: "-1", Time: noon})
	if got := c.Counts(); got.Accepted != 2 || got.Pending != 1 || got.Codes["-1"] != 1 {
		t.Errorf("counts %+v", got)
	}
	begin(t, c, 2)
	settle(t, c, Settlement{Index: 2, Outcome: sender.Rejected, Code: "exhausted/-1", Time: noon})
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := d.Claim(ctx, d.id, 0, "w1", false)
	wants(t, err, ErrDone)
}

func TestStageComparesDigests(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	b := d.stage(t, 0, 5)
	staged, err := d.Stage(ctx, d.id, b)
	if err != nil || staged {
		t.Errorf("the same again: %v, %v", staged, err)
	}
	b.Digest[3]++
	_, err = d.Stage(ctx, d.id, b)
	wants(t, err, ErrDiffers)
	all, err := d.Staged(ctx, d.id)
	if err != nil || len(all) != 1 || all[0].Rows() != 8 || all[0].Recipients != 5 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestStageRefusesWhatNoReaderMakes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	tests := map[string]func(*batch.Batch){
		"too many":       func(b *batch.Batch) { b.Recipients = makeBatch(0, batch.MaxRecipients+1, 0).Recipients },
		"uneven":         func(b *batch.Batch) { b.Recipients[1].Vars = nil },
		"out of order":   func(b *batch.Batch) { b.Recipients[1].Row = 2 },
		"skipped behind": func(b *batch.Batch) { b.Skipped[1].Row = 1 },
		"no kind":        func(b *batch.Batch) { b.Skipped[1].Kind = 0 },
	}
	for name, spoil := range tests {
		b := makeBatch(0, 5, 0)
		spoil(b)
		if _, err := d.Stage(t.Context(), d.id, b); err == nil {
			t.Errorf("%s: staged", name)
		}
	}
}

func TestClaimRefuses(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	_, err := d.Claim(ctx, d.id, 0, "w1", false)
	wants(t, err, ErrNotStaged)
	d.stage(t, 0, 2)
	c := d.claim(t, 0, "w1", false)
	_, err = d.Claim(ctx, d.id, 0, "w2", false)
	wants(t, err, ErrHeld)
	again := d.claim(t, 0, "w1", false)
	if again.Epoch != c.Epoch+1 {
		t.Errorf("a worker's own second claim has epoch %d", again.Epoch)
	}
	wants(t, c.Begin(ctx, []int{0}), ErrStale)
	if err := c.Release(ctx); err != nil { // not its own any more
		t.Fatal(err)
	}
	_, err = d.Claim(ctx, d.id, 0, "w2", false)
	wants(t, err, ErrHeld)
	if err := again.Release(ctx); err != nil {
		t.Fatal(err)
	}
	d.claim(t, 0, "w2", false)
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 3)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0)
	wants(t, c.Begin(ctx, []int{0}), ErrNotPending)
	wants(t, c.Begin(ctx, []int{1, 1}), ErrNotPending)
	for _, i := range []int{-1, 3} {
		if err := c.Begin(ctx, []int{i}); err == nil {
			t.Errorf("recipient %d of 3 begun", i)
		}
	}
	for _, state := range []string{"paused", "halted", "cancelled", "finished", "importing", "scheduled", ""} {
		d.state(t, state)
		wants(t, c.Begin(ctx, []int{1}), ErrNotRunning)
	}
	d.rdb.Del(ctx, keys.Campaign(d.id))
	wants(t, c.Begin(ctx, []int{1}), ErrNotRunning)
	d.state(t, "running")
	begin(t, c, 1, 2)
	settle(t, c, accept(0, 1, 2)...)
	wants(t, c.Begin(ctx, []int{0}), ErrNotPending)
	if _, err := c.Settle(ctx, []Settlement{{Index: 0}}); err == nil {
		t.Error("settled without an outcome")
	}
}

// TestLateOutcomeKeepsARetryBack: the outcome of a worker that was given up
// arrives just before the next worker begins the retry of the same recipient.
func TestLateOutcomeKeepsARetryBack(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 3)
	old := d.claim(t, 0, "old", true)
	begin(t, old, 0, 1)
	d.rdb.Del(ctx, keys.Worker("old"))
	c := d.claim(t, 0, "new", true)
	settle(t, old, accept(1)...)
	wants(t, c.Begin(ctx, []int{0, 1, 2}), ErrNotPending)
	var left []int
	for i := range c.Pending() {
		left = append(left, i)
	}
	if !slices.Equal(left, []int{0, 2}) {
		t.Fatalf("pending %v", left)
	}
	begin(t, c, left...)
	settle(t, c, accept(left...)...)
	if counts := d.verified(t, 0); counts.Accepted != 3 {
		t.Errorf("%+v", counts)
	}
}

// TestSummaryIsOfTheWholeJournal has a worker settle that has not learnt yet
// what another one settled late.
func TestSummaryIsOfTheWholeJournal(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 3)
	old := d.claim(t, 0, "old", false)
	begin(t, old, 0)
	d.rdb.Del(ctx, keys.Worker("old"))
	c := d.claim(t, 0, "new", false)
	begin(t, c, 1, 2)
	settle(t, old, accept(0)...)
	settle(t, c, accept(1)...)
	if totals, err := d.Totals(ctx, d.id); err != nil || totals.Accepted != 2 || totals.Pending != 1 {
		t.Errorf("%+v, %v", totals, err)
	}
	settle(t, c, accept(2)...)
	if done, err := d.Done(ctx, d.id); err != nil || done != 1 {
		t.Errorf("%d done, %v", done, err)
	}
}

func TestLateFailureReopensABatch(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 1)
	old := d.claim(t, 0, "old", false)
	begin(t, old, 0)
	d.rdb.Del(ctx, keys.Worker("old"))
	_, err := d.Claim(ctx, d.id, 0, "new", false)
	wants(t, err, ErrDone) // all in doubt
	if !settle(t, old, Settlement{Index: 0, Outcome: sender.Failed, Code: "refused", Time: noon}) {
		t.Error("not told that the batch is open again")
	}
	open, err := d.Open(ctx, d.id)
	if err != nil || len(open) != 1 {
		t.Errorf("open %v, %v", open, err)
	}
	c := d.claim(t, 0, "new", false)
	begin(t, c, 0)
	if settle(t, c, accept(0)...) {
		t.Error("told that a batch is open again that never was done")
	}
}

// TestClaimIsSafeForManyGoroutines begins and settles at once, as a worker does.
func TestClaimIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	const size = 200
	d := newDesk(t)
	d.stage(t, 0, size)
	c := d.claim(t, 0, "w", false)
	begun := make(chan int, size)
	var g errgroup.Group
	g.Go(func() error {
		defer close(begun)
		for i := range size {
			if err := c.Begin(t.Context(), []int{i}); err != nil {
				return err
			}
			begun <- i
		}
		return nil
	})
	for range 3 {
		g.Go(func() error {
			for i := range begun {
				if i%7 == 0 {
					if err := c.Withdraw(t.Context(), []int{i}); err != nil {
						return err
					}
					continue
				}
				if _, err := c.Settle(t.Context(), accept(i)); err != nil {
					return err
				}
				c.Counts()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if counts := d.verified(t, 0); counts.Pending != 29 || counts.Accepted != size-29 {
		t.Errorf("%+v", counts)
	}
}
