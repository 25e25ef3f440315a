package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// noon is when everything happens in these tests.
var noon = time.UnixMilli(1_790_000_000_000)

// A bench is a ledger on a Redis of its own, with one running campaign.
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
	if err := d.rdb.HSet(t.Context(), CampaignKey(d.id), "state", state).Err(); err != nil {
		t.Fatal(err)
	}
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
	if err := d.rdb.Set(t.Context(), WorkerKey(worker), 1, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	c, err := d.Claim(t.Context(), d.id, n, worker, resend)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// makeBatch makes a batch whose rows follow after.
func makeBatch(n, size, after int) *batch.Batch {
	b := &batch.Batch{N: n, Digest: [16]byte{byte(n), byte(size), 7}}
	for i := range size {
		row := after + i + 1
		b.Recipients = append(b.Recipients, batch.Recipient{
			Row: row, Phone: fmt.Sprint(5511900000000 + int64(row)*7919%100000000),
			Vars: []string{fmt.Sprintf("Maria%d", row%97), fmt.Sprintf("%d%%", row%50), fmt.Sprintf("SKU-%06d", row*31%1000000)},
		})
	}
	for k, kind := range []batch.Kind{batch.Invalid, batch.Duplicate, batch.Suppressed} {
		row := after + size + k + 1
		b.Skipped = append(b.Skipped, batch.Skipped{Row: row, Line: row + 1, Kind: kind, Reason: "because", Phone: "12"})
	}
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
