package worker

import (
	"bytes"
	"context"
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
	"sluice/internal/schema"
	"sluice/internal/sender"
)

// A world is a Redis with campaigns, and a provider that is a function.
type world struct {
	t         testing.TB
	redis     *redistest.Server
	rdb       *redis.Client
	ledger    *ledger.Ledger
	campaigns *campaign.Store
	queue     *jobs.Queue
	logs      *lockedBuffer
	submitted atomic.Int64 // recipients
	// answer is what the provider says; Accepted if nil.
	answer func(ref sender.Ref) sender.Result
	now    func() time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, redis: redistest.New(t), logs: &lockedBuffer{}, now: time.Now}
	w.rdb = w.redis.Client(t)
	if err := schema.Check(t.Context(), w.rdb); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return w.now() }
	w.ledger, w.campaigns, w.queue = ledger.New(w.rdb, clock), campaign.NewStore(w.rdb, clock), jobs.NewQueue(w.rdb, "")
	return w
}

// launch imports and launches a campaign of n recipients.
func (w *world) launch(id string, n int, more string) {
	w.t.Helper()
	raw := fmt.Sprintf(`id: %s
sender: promo
message:
  type: template
  template: {name: plain_news, language: en_US}
recipients: {file: list.csv}
%s`, id, more)
	file, err := campaign.Parse([]byte(raw), id+".yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.campaigns.Create(w.t.Context(), []byte(raw), file); err != nil {
		w.t.Fatal(err)
	}
	list := strings.Builder{}
	list.WriteString("phone\n")
	for i := range n {
		fmt.Fprintf(&list, "55119%08d\n", i)
	}
	r, err := batch.NewReader(strings.NewReader(list.String()), batch.Options{Phone: "phone"})
	if err != nil {
		w.t.Fatal(err)
	}
	im := &jobs.Import{Ledger: w.ledger, Campaigns: w.campaigns, Queue: w.queue}
	if _, err := im.Run(w.t.Context(), id, r); err != nil {
		w.t.Fatal(err)
	}
}

// options are those of a worker of this world.
func (w *world) options(id string) Options {
	return Options{
		ID: id, Redis: w.rdb, Ledger: w.ledger, Campaigns: w.campaigns, Now: func() time.Time { return w.now() },
		Log: zerolog.New(w.logs), Linger: time.Hour,
		Account: func(name string) (*Account, error) {
			limiter := ratelimit.New(w.rdb, ratelimit.Options{Worker: id, Log: zerolog.Nop()})
			return &Account{Provider: w, InFlight: 8, StopWithin: 10 * time.Second, Pace: limiter.Sender(name, ratelimit.Limits{InFlight: 8})}, nil
		},
	}
}

// start runs a worker until the function that it returns is called, or the test
// ends.
func (w *world) start(o Options) (stop func()) {
	w.t.Helper()
	worker := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := worker.Run(ctx); err != nil {
			w.t.Errorf("worker %s: %v", o.ID, err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	w.t.Cleanup(stop)
	return stop
}

// await waits until something is so.
func (w *world) await(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(within); !ok(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("not %s within %s\n%s", what, within, w.logs.tail())
		}
		<-time.After(5 * time.Millisecond)
	}
}

// soon says that at least one of five tries took no longer than two seconds, from the
// moment that it names: a machine that is busy makes some of them late, and what does
// not work makes all.
func soon(try func(n int) (began time.Time)) bool {
	for n := range 5 {
		if time.Since(try(n)) <= 2*time.Second {
			return true
		}
	}
	return false
}

// state is a campaign's.
func (w *world) state(id string) campaign.State {
	w.t.Helper()
	rec, err := w.campaigns.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec.State
}

func (w *world) awaitState(id string, want campaign.State, within time.Duration) {
	w.t.Helper()
	w.await(id+" "+string(want), within, func() bool { return w.state(id) == want })
}

func (w *world) totals(id string) ledger.Totals {
	w.t.Helper()
	totals, err := w.ledger.Totals(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return totals
}

// commands is how many commands Redis has run, those of scripts among them.
func (w *world) commands() int {
	w.t.Helper()
	info, err := w.rdb.InfoMap(w.t.Context(), "stats").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	if _, err := fmt.Sscan(info["Stats"]["total_commands_processed"], &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// The world is the provider of all its senders, and the submitter of all its
// campaigns.
func (w *world) Compile(sender.Message, []batch.Column) (sender.Submitter, error) { return w, nil }

func (w *world) Meaning(sender.Code) string   { return "" }
func (w *world) Alone(sender.Code) bool       { return false }
func (w *world) MaxRecipients() int           { return 1 }
func (w *world) Key(*batch.Recipient) string  { return "" }
func (w *world) Check(*batch.Recipient) error { return nil }

func (w *world) Submit(_ context.Context, ref sender.Ref, _ []batch.Recipient, out []sender.Result) {
	w.submitted.Add(1)
	out[0] = sender.Result{Outcome: sender.Accepted, MessageID: fmt.Sprintf("%s-%d-%d", ref.Campaign, ref.Batch, ref.Index)}
	if w.answer != nil {
		out[0] = w.answer(ref)
	}
}

// A lockedBuffer is safe for use by many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *lockedBuffer) tail() string {
	text := b.String()
	return text[max(0, len(text)-3000):]
}

// logged says that some line of the log holds a text.
func (w *world) logged(text string) bool { return strings.Contains(w.logs.String(), text) }
