package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// A place is a Source on a Redis of its own.
type place struct {
	Source
	t   *testing.T
	ctx context.Context
	rdb *redis.Client
	now time.Time
}

func newPlace(t *testing.T) *place {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	p := &place{t: t, ctx: ctx, rdb: redistest.New(t).Client(t), now: time.Now().Truncate(time.Millisecond)}
	now := func() time.Time { return p.now }
	p.Source = Source{Redis: p.rdb, Ledger: ledger.New(p.rdb, now), Campaigns: campaign.NewStore(p.rdb, now), Now: now}
	return p
}

func (p *place) do(_ any, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// create makes a campaign with further lines.
func (p *place) create(id, more string) {
	p.t.Helper()
	raw := []byte(fmt.Sprintf(`id: %s
sender: promo
message: {type: text, text: {body: hello}}
recipients: {file: list.csv}
%s
`, id, more))
	f, err := campaign.Parse(raw, id+".yaml")
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(p.Campaigns.Create(p.ctx, raw, f))
}

func (p *place) launch(id string, tasks int) {
	p.t.Helper()
	generation, err := p.Campaigns.BeginImport(p.ctx, id)
	p.do(nil, err)
	p.do(nil, p.Campaigns.Launch(p.ctx, id, generation, campaign.Plan{Tasks: tasks, Fingerprint: "f"}))
	p.do(nil, p.Campaigns.StartIfDue(p.ctx, id))
}

func (p *place) get(id string) *Status {
	p.t.Helper()
	st, err := p.Get(p.ctx, id)
	if err != nil {
		p.t.Fatal(err)
	}
	if sum := st.Pending + st.Accepted + st.Rejected + st.InDoubt + st.Invalid + st.Duplicate + st.Suppressed + st.Cancelled; sum != st.Rows {
		p.t.Errorf("%s: %d rows, and the states sum to %d", id, st.Rows, sum)
	}
	return st
}

// stage stages a batch of five recipients, an invalid row and a duplicate.
func (p *place) stage(id string) {
	p.t.Helper()
	b := &batch.Batch{Digest: [16]byte{1}, Skipped: []batch.Skipped{
		{Row: 6, Line: 7, Kind: batch.Invalid, Reason: "no number"}, {Row: 7, Line: 8, Kind: batch.Duplicate, Reason: "twice", Phone: "5511987654321"},
	}}
	for i := range 5 {
		b.Recipients = append(b.Recipients, batch.Recipient{Row: i + 1, Phone: fmt.Sprintf("551198765432%d", i+1)})
	}
	generation, err := p.Campaigns.BeginImport(p.ctx, id)
	p.do(nil, err)
	p.do(p.Ledger.Stage(p.ctx, id, generation, b))
}

// settle has a worker end with the first three.
func (p *place) settle(id string) {
	p.t.Helper()
	claim, err := p.Ledger.Claim(p.ctx, id, 0, "w", false)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := claim.Begin(p.ctx, []int{0, 1, 2}); err != nil {
		p.t.Fatal(err)
	}
	p.do(claim.Settle(p.ctx, []ledger.Settlement{
		{Index: 0, Outcome: sender.Accepted, MessageID: "m", Time: p.now},
		{Index: 1, Outcome: sender.Rejected, Code: "22091", Time: p.now},
		{Index: 2, Outcome: sender.Unknown, Code: "timeout", Time: p.now},
	}))
}

func TestAccount(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if _, err := p.Get(p.ctx, "sale"); !errors.Is(err, campaign.ErrNotFound) {
		t.Error(err)
	}
	p.create("sale", "rate: {messages_per_second: 5}")
	p.stage("sale")
	p.launch("sale", 1)
	p.settle("sale")
	st := p.get("sale")
	want := &Status{
		ID: "sale", State: "running", Sender: "promo", Rows: 7, Pending: 2, Accepted: 1, Rejected: 1, InDoubt: 1, Invalid: 1, Duplicate: 1,
		Batches: 1, Codes: map[string]int{"22091": 1, "timeout": 1}, Pace: Pace{Limit: 5, Factor: 1}, Holds: []Hold{}, Warnings: []Warning{}, Receipts: &Receipts{Awaiting: 1, Codes: map[string]int{}}, CreatedAt: &p.now, StartedAt: &p.now,
	}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Error(diff)
	}
	if st.Over() || st.Recipients() != 5 {
		t.Errorf("over %t, %d recipients", st.Over(), st.Recipients())
	}
	p.do(p.Campaigns.Cancel(p.ctx, "sale"))
	if st = p.get("sale"); st.Cancelled != 2 || st.Pending != 0 || !st.Over() || st.FinishedAt == nil {
		t.Errorf("cancelled: %+v", st)
	}
}

// The account outlives the rows.
func TestAccountOfExpiredRows(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.create("sale", "")
	p.stage("sale")
	p.launch("sale", 1)
	p.settle("sale")
	p.do(p.Campaigns.Cancel(p.ctx, "sale"))
	before := p.get("sale")
	totals, err := p.Ledger.Totals(p.ctx, "sale")
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(totals)
	if err != nil {
		t.Fatal(err)
	}
	expired := func(want bool) {
		t.Helper()
		rec, err := p.Campaigns.Get(p.ctx, "sale")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Expired(p.ctx, rec); err != nil || got != want {
			t.Errorf("expired: %t, %v", got, err)
		}
	}
	expired(false)
	if err := p.Campaigns.Retire(p.ctx, "sale", account, nil); err != nil {
		t.Fatal(err)
	}
	expired(false)
	if err := p.Ledger.Delete(p.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	expired(true)
	before.Receipts = nil // they go with the rows
	if diff := cmp.Diff(before, p.get("sale")); diff != "" {
		t.Error(diff)
	}
}

func TestGoesOnAndPace(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	utc := p.now.UTC()
	shut := fmt.Sprintf(`window: {from: %q, to: %q, timezone: UTC}`, utc.Add(6*time.Hour).Format("15:04"), utc.Add(7*time.Hour).Format("15:04"))
	p.create("window", shut)
	p.launch("window", 1)
	p.create("later", "start_at: 2099-01-01T00:00:00Z")
	p.launch("later", 1)
	p.create("own", `window: {from: "09:00", to: "20:00", timezone: recipient}`)
	p.launch("own", 1)
	p.create("open", "rate: {messages_per_second: 50}")
	p.launch("open", 1)
	if st := p.get("window"); st.GoesOnAt == nil || st.GoesOnAt.Sub(p.now) < 5*time.Hour || st.OwnTime != nil {
		t.Errorf("outside its window: %+v", st)
	}
	if st := p.get("later"); st.GoesOnAt == nil || st.GoesOnAt.UTC().Year() != 2099 {
		t.Errorf("scheduled: %+v", st)
	}
	if st := p.get("own"); st.GoesOnAt != nil || st.OwnTime == nil {
		t.Errorf("each recipient's own: %+v", st)
	}
	if st := p.get("open"); st.Pace.Limit != 50 {
		t.Errorf("%+v", st.Pace)
	}
	p.do(p.Campaigns.Pause(p.ctx, "open"))
	if st := p.get("open"); st.GoesOnAt != nil {
		t.Errorf("paused, and goes on at %s", st.GoesOnAt)
	}
}
