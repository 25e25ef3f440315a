package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// A world is one campaign in a Redis, whose provider is a function.
type world struct {
	t         testing.TB
	rdb       *redis.Client
	ledger    *ledger.Ledger
	campaigns *campaign.Store
	file      *campaign.File
	log       strings.Builder // read once nothing is under way

	limits  ratelimit.Limits
	accepts bool // somebody was accepted before
	gone    atomic.Bool
	life    atomic.Int64
	backoff Backoff
	handing time.Duration
	list    map[string]bool // of suppressed numbers
	version atomic.Int64
	unlists bool // the list cannot be changed
	most    int
	alone   sender.Code
	resend  bool

	mu       sync.Mutex
	answers  func(ref sender.Ref, rs []batch.Recipient) []sender.Result
	sent     [][]int // indexes of each submission's first, and how many
	halted   string
	haltedAt int
	reopened int
	wanting  func() // told by Wanting, if set
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, rdb: redistest.New(t).Client(t), most: 1,
		backoff: Backoff{Base: 10 * time.Millisecond, Max: 20 * time.Millisecond}, handing: time.Minute,
		limits: ratelimit.Limits{InFlight: 8},
	}
	w.ledger, w.campaigns = ledger.New(w.rdb, time.Now), campaign.NewStore(w.rdb, time.Now)
	return w
}

const campaignID = "c"

// launch imports n recipients into a campaign that runs.
func (w *world) launch(n int, more string) {
	w.t.Helper()
	raw := "id: " + campaignID + `
sender: promo
message:
  type: template
  template: {name: plain_news, language: en_US}
recipients: {file: list.csv}
` + more
	file, err := campaign.Parse([]byte(raw), campaignID+".yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	w.file, w.resend = file, file.OnDoubt == campaign.Resend
	if _, err := w.campaigns.Create(w.t.Context(), []byte(raw), file); err != nil {
		w.t.Fatal(err)
	}
	list := strings.Builder{}
	list.WriteString("phone\n")
	for i := range n {
		fmt.Fprintln(&list, number(i))
	}
	r, err := batch.NewReader(strings.NewReader(list.String()), batch.Options{Phone: "phone"})
	if err != nil {
		w.t.Fatal(err)
	}
	im := &jobs.Import{Ledger: w.ledger, Campaigns: w.campaigns, Queue: jobs.NewQueue(w.rdb, "")}
	if _, err := im.Run(w.t.Context(), campaignID, r); err != nil {
		w.t.Fatal(err)
	}
}

func number(i int) string { return fmt.Sprintf("55119%08d", i) }

// dispatcher is one of this world, until the test's end.
func (w *world) dispatcher() *Dispatcher {
	w.t.Helper()
	limiter := ratelimit.New(w.rdb, ratelimit.Options{Worker: "w", Log: zerolog.Nop()})
	s := NewSender("promo", w, limiter.Sender("promo", w.limits), max(8, w.limits.InFlight), time.Now, zerolog.Nop())
	w.t.Cleanup(s.Close)
	host := Host{
		Log: zerolog.New(&w.log), Now: time.Now, Heartbeat: w, Campaigns: w,
		Backoff: w.backoff, HandBack: w.handing, SuppressionVersion: w.version.Load, Wanting: w.wanted,
	}
	if w.list != nil {
		host.Suppressed, host.OptedOut = w, w
	}
	d, err := New(host, campaignID, w.file, s)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// claim is one of the campaign's only batch.
func (w *world) claim(worker string) *ledger.Claim {
	w.t.Helper()
	c, err := w.ledger.Claim(w.t.Context(), campaignID, 0, worker, w.resend)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// send submits what is left of the batch, and releases it.
func (w *world) send(d *Dispatcher) (ledger.Counts, error) {
	w.t.Helper()
	c := w.claim("w")
	err := d.Send(w.t.Context(), c)
	if releaseErr := c.Release(w.t.Context()); releaseErr != nil {
		w.t.Fatal(releaseErr)
	}
	return c.Counts(), err
}

// snoozed wants that err is a Snooze which says why.
func snoozed(t testing.TB, err error, why string) *Snooze {
	t.Helper()
	var s *Snooze
	if !errors.As(err, &s) || !strings.Contains(s.Why, why) {
		t.Fatalf("%v; want a snooze: %s", err, why)
	}
	return s
}

// counts wants counts.
func counts(t testing.TB, c ledger.Counts, accepted, rejected, inDoubt, pending int) {
	t.Helper()
	if c.Accepted != accepted || c.Rejected != rejected || c.InDoubt != inDoubt || c.Pending != pending {
		t.Errorf("%+v; want %d accepted, %d rejected, %d in doubt, %d pending", c, accepted, rejected, inDoubt, pending)
	}
}

// submissions is how many there were.
func (w *world) submissions() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// await waits until something is so.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("not %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// The world is what a Dispatcher knows of its surroundings.

func (w *world) Incarnation() int64 { return w.life.Load() }

func (w *world) Lapsed(incarnation int64) bool { return w.gone.Load() || w.life.Load() != incarnation }

func (w *world) HaltAt(ctx context.Context, id string, row int, code, reason string) (bool, error) {
	w.mu.Lock()
	w.halted, w.haltedAt = reason, row
	w.mu.Unlock()
	return w.campaigns.HaltAt(ctx, id, row, code, reason)
}

func (w *world) wanted() {
	if w.wanting != nil {
		w.wanting()
	}
}

func (w *world) AnyAccepted(context.Context, string) (bool, error) { return w.accepts, nil }

func (w *world) Reopen(context.Context, string, *ledger.Claim) error {
	w.mu.Lock()
	w.reopened++
	w.mu.Unlock()
	return nil
}

func (w *world) Contains(_ context.Context, phones []string) ([]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := make([]bool, len(phones))
	for i, p := range phones {
		found[i] = w.list[p]
	}
	return found, nil
}

func (w *world) Add(_ context.Context, phones []string) (int, error) {
	if w.unlists {
		return 0, errors.New("the list is away")
	}
	w.suppress(phones...)
	return len(phones), nil
}

func (w *world) suppress(phones ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range phones {
		w.list[p] = true
	}
	w.version.Add(1)
}

// And it is the provider.

func (w *world) Compile(sender.Message, []batch.Column) (sender.Submitter, error) { return w, nil }

func (w *world) Meaning(code sender.Code) string { return "the meaning of " + string(code) }
func (w *world) MaxRecipients() int              { return w.most }
func (w *world) Key(*batch.Recipient) string     { return "" }
func (w *world) Check(*batch.Recipient) error    { return nil }
func (w *world) Alone(code sender.Code) bool     { return code != "" && code == w.alone }

func (w *world) Submit(_ context.Context, ref sender.Ref, rs []batch.Recipient, out []sender.Result) {
	w.mu.Lock()
	w.sent = append(w.sent, []int{ref.Index, len(rs)})
	answers := w.answers
	w.mu.Unlock()
	for i := range out {
		out[i] = sender.Result{Outcome: sender.Accepted, MessageID: fmt.Sprintf("m-%d-%d-%d", ref.Index, i, ref.Try)}
	}
	if answers != nil {
		copy(out, answers(ref, rs))
	}
}

// each answers everybody alike, by how often they were submitted to: the last answer
// stays. A try that was withdrawn does not count.
func each(results ...sender.Result) func(sender.Ref, []batch.Recipient) []sender.Result {
	var mu sync.Mutex
	met := map[int]int{}
	return func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		mu.Lock()
		res := results[min(met[ref.Index], len(results)-1)]
		met[ref.Index]++
		mu.Unlock()
		out := make([]sender.Result, len(rs))
		for i := range out {
			out[i] = res
			if res.Outcome == sender.Accepted {
				out[i].MessageID = fmt.Sprintf("m-%d-%d", ref.Index, i)
			}
		}
		return out
	}
}
