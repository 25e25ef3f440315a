package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

func TestExportGivesEveryRowOnceInOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const batches, size = 23, 7
	for n := range batches {
		d.stage(t, n, size)
		if n%2 == 0 {
			c := d.claim(t, n, "w", false)
			begin(t, c, 0, 1, 2)
			settle(t, c, accept(0)...)
			settle(t, c, Settlement{Index: 1, Outcome: sender.Rejected, Code: "22091", Time: noon})
		}
	}
	row, states := 0, map[string]int{}
	err := d.Export(t.Context(), d.id, func(r Row) error {
		row++
		states[r.State]++
		if r.Row != row || r.Batch != (row-1)/(size+3) {
			return fmt.Errorf("row %+v in place %d", r, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"accepted": 12, "rejected": 12, "pending": batches*size - 24,
		"invalid": batches, "duplicate": batches, "suppressed": batches,
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	boom := errors.New("disk full")
	wants(t, d.Export(t.Context(), d.id, func(r Row) error {
		if r.Row == 40 {
			return boom
		}
		return nil
	}), boom)
}

func TestExportShowsTwoMessageIDs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 1)
	old := d.claim(t, 0, "old", true)
	begin(t, old, 0)
	d.rdb.Del(t.Context(), keys.Worker("old"))
	c := d.claim(t, 0, "new", true)
	begin(t, c, 0)
	settle(t, c, Settlement{Index: 0, Outcome: sender.Accepted, MessageID: "second", Time: noon})
	settle(t, old, Settlement{Index: 0, Outcome: sender.Accepted, MessageID: "first", Time: noon.Add(time.Second)})
	want := Row{
		Row: 3, Phone: makeBatch(0, 1, 0).Recipients[0].Phone, State: "accepted", MessageID: "first + second",
		Reason: "the provider took the message more than once", Attempts: 2, Revision: 1, Vars: makeBatch(0, 1, 0).Recipients[0].Vars, SubmittedAt: noon.Add(time.Second),
	}
	err := d.Export(t.Context(), d.id, func(r Row) error {
		if diff := cmp.Diff(want, r); diff != "" && r.Row == 3 {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	if err := d.Verify(t.Context(), d.id, func(p Problem) { problems = append(problems, p.String()) }); err != nil {
		t.Fatal(err)
	}
	if len(problems) != 1 || !strings.Contains(problems[0], "batch 0: recipient 0: the provider took the message more than once") {
		t.Errorf("%q", problems)
	}
}

func TestOrphansAndReclaim(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	for n := range 4 {
		d.stage(t, n, 2)
	}
	begin(t, d.claim(t, 0, "dead", false), 1)
	d.claim(t, 1, "alive", false)
	d.claim(t, 2, "dead", false)
	d.rdb.Del(ctx, keys.Worker("dead"))
	d.state(t, "cancelled")
	got, err := d.Orphans(ctx, d.id)
	want := []Orphan{{0, 2, 1, "dead"}, {2, 2, 1, "dead"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	reclaimed, err := d.Reclaim(ctx, d.id)
	if err != nil || !slices.Equal(reclaimed, []int{0, 2}) {
		t.Errorf("%v, %v", reclaimed, err)
	}
	if got, err = d.Orphans(ctx, d.id); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	totals, err := d.Totals(ctx, d.id)
	if err != nil || totals.InDoubt != 1 || totals.Pending != 7 || totals.Codes[string(CodeLost)] != 1 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// TestVerifyRepairsWhatFollows spoils everything that is derived.
func TestVerifyRepairsWhatFollows(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 2)
	d.stage(t, 1, 2)
	d.stage(t, 2, 2)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	settle(t, c, accept(0, 1)...)
	want, err := d.Totals(ctx, d.id)
	if err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func(){
		"summary gone":      func() { d.rdb.HDel(ctx, keys.Summary(d.id), "0") },
		"summary is trash":  func() { d.rdb.HSet(ctx, keys.Summary(d.id), "0", "2 x") },
		"summary is wrong":  func() { d.rdb.HSet(ctx, keys.Summary(d.id), "0", "1 9 1 0 1 1 0 22091=1") },
		"done but not so":   func() { d.rdb.SAdd(ctx, keys.Done(d.id), 1) },
		"done and not so":   func() { d.rdb.SRem(ctx, keys.Done(d.id), 0) },
		"worker gone":       func() { c := d.claim(t, 2, "dead", false); _ = c; d.rdb.Del(ctx, keys.Worker("dead")) },
		"done set is empty": func() { d.rdb.Del(ctx, keys.Done(d.id)) },
	}
	for name, do := range spoil {
		do()
		repaired := 0
		if err := d.Verify(ctx, d.id, func(p Problem) {
			if repaired++; !p.Repaired {
				t.Errorf("%s: %v", name, p)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if repaired != 1 {
			t.Errorf("%s: %d problems", name, repaired)
		}
		got, err := d.Totals(ctx, d.id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestVerifyReportsWhatIsLost(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(ctx context.Context, d *desk)
		want  string
	}{
		"recipients": {func(ctx context.Context, d *desk) { d.rdb.Del(ctx, keys.Recipients(d.id, 0)) }, "0 recipients, and 2 were staged"},
		"skipped":    {func(ctx context.Context, d *desk) { d.rdb.Set(ctx, keys.Skipped(d.id, 0), "zstd?", 0) }, "batch 0: corrupt skipped at byte 0: does not unpack"},
		"journal":    {func(ctx context.Context, d *desk) { d.rdb.Append(ctx, keys.Journal(d.id, 0), "\xf7") }, "batch 0: corrupt journal at byte 6: version 7"},
		"claims":     {func(ctx context.Context, d *desk) { d.rdb.Del(ctx, keys.Claims(d.id), keys.Owners(d.id)) }, "Redis has lost writes"},
		"a batch": {func(ctx context.Context, d *desk) {
			d.Stage(ctx, d.id, makeBatch(2, 2, 10))
		}, "batch 1 is not staged"},
		"summed": {func(ctx context.Context, d *desk) { d.rdb.HSet(ctx, keys.Summary(d.id), 8, "1 0 0 1 0 0 0") }, "was not staged"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.stage(t, 0, 2)
			begin(t, d.claim(t, 0, "w", false), 1)
			test.spoil(t.Context(), d)
			var problems []string
			err := d.Verify(t.Context(), d.id, func(p Problem) {
				if !p.Repaired {
					problems = append(problems, p.String())
				}
			})
			if err != nil || !strings.Contains(strings.Join(problems, "\n"), test.want) {
				t.Errorf("%q, %v; want %q", problems, err, test.want)
			}
		})
	}
}

func TestDeleteAndExpireLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	for n := range 3 {
		d.stage(t, n, 2)
	}
	begin(t, d.claim(t, 1, "w", false), 0)
	c := d.claim(t, 2, "w", false)
	begin(t, c, 0, 1)
	settle(t, c, accept(0, 1)...)
	d.rdb.Del(ctx, keys.Worker("w"))
	d.state(t, finished)
	if err := d.Expire(ctx, d.id, time.Hour); err != nil {
		t.Fatal(err)
	}
	found, err := d.rdb.Keys(ctx, "sluice:*").Result()
	if err != nil || len(found) != 3+3+2+5+1 {
		t.Fatalf("%q, %v", found, err)
	}
	for _, key := range found {
		if ttl := d.rdb.TTL(ctx, key).Val(); ttl <= 0 && key != keys.Campaign(d.id) {
			t.Errorf("%s does not expire", key)
		}
	}
	if err := d.Delete(ctx, d.id); err != nil {
		t.Fatal(err)
	}
	if left := d.rdb.Keys(ctx, "*").Val(); !slices.Equal(left, []string{keys.Campaign(d.id)}) {
		t.Errorf("left behind: %q", left)
	}
}

// What comes after the campaign's end does not make its journals immortal.
func TestLateOutcomeExpiresToo(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 2)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0, 1)
	d.state(t, finished)
	if err := d.Expire(ctx, d.id, time.Hour); err != nil {
		t.Fatal(err)
	}
	settle(t, c, accept(0, 1)...)
	if ttl := d.rdb.TTL(ctx, keys.Journal(d.id, 0)).Val(); ttl <= 0 {
		t.Error("the journal does not expire")
	}
}

func TestCheckRedis(t *testing.T) {
	t.Parallel()
	now := time.Now
	if err := New(redistest.New(t).Client(t), now).CheckRedis(t.Context()); err != nil {
		t.Errorf("a server as it should be: %v", err)
	}
	bad := redistest.New(t, "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
	err := New(bad.Client(t), now).CheckRedis(t.Context())
	for _, line := range []string{"`maxmemory-policy noeviction`", "`appendonly yes`", "allkeys-lru"} {
		if err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%v does not say %s", err, line)
		}
	}
	if errors.Is(err, ErrUncheckable) {
		t.Errorf("%v is uncheckable", err)
	}
	mini := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	defer rdb.Close()
	wants(t, New(rdb, now).CheckRedis(t.Context()), ErrUncheckable)
	mute := redistest.New(t, "--rename-command", "INFO", "")
	wants(t, New(mute.Client(t), now).CheckRedis(t.Context()), ErrUncheckable)
	mini.Close()
	if err := New(rdb, now).CheckRedis(t.Context()); err == nil || errors.Is(err, ErrUncheckable) {
		t.Errorf("no server at all: %v", err)
	}
}

// TestMiniredisRunsTheScripts: the demo rests on it.
func TestMiniredisRunsTheScripts(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	defer rdb.Close()
	d := &desk{rdb: rdb, id: "c", Ledger: New(rdb, time.Now)}
	d.state(t, "running")
	d.stage(t, 0, 300)
	c := d.claim(t, 0, "w", false)
	for i := range 300 {
		begin(t, c, i)
	}
	settle(t, c, accept(0, 1, 2)...)
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if counts := d.verified(t, 0); counts.Accepted != 3 || counts.Pending != 297 {
		t.Errorf("%+v", counts)
	}
}

func TestKeysOfACampaignShareASlot(t *testing.T) {
	t.Parallel()
	const id = "spring-sale"
	for _, key := range []string{
		keys.Campaign(id), keys.Recipients(id, 1), keys.Skipped(id, 1), keys.Journal(id, 1), keys.Batches(id), keys.Summary(id), keys.Claims(id), keys.Owners(id), keys.Done(id),
	} {
		if !strings.HasPrefix(key, "sluice:{spring-sale}") {
			t.Errorf("%s has no hash tag", key)
		}
	}
}

// TestTotalsWhileImporting counts what is staged, batches without recipients
// among it.
func TestTotalsWhileImporting(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 3, 5)
	if _, err := d.Stage(ctx, d.id, &batch.Batch{N: 0, Skipped: makeBatch(0, 0, 0).Skipped}); err != nil {
		t.Fatal(err)
	}
	got, err := d.Totals(ctx, d.id)
	want := Totals{
		Rows: 11, Recipients: 5, Pending: 5, Invalid: 2, Duplicate: 2, Suppressed: 2,
		Batches: 2, BatchesDone: 1, Codes: map[string]int{},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if done, err := d.Done(ctx, d.id); done != 0 || err != nil {
		t.Errorf("%d done, %v", done, err)
	}
}
