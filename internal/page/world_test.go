package page_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/callback"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/desk"
	"sluice/internal/dispatch"
	"sluice/internal/idempotency"
	"sluice/internal/ledger"
	"sluice/internal/outbox"
	"sluice/internal/page"
	"sluice/internal/ratelimit"
	"sluice/internal/receipt"
	"sluice/internal/redistest"
	"sluice/internal/sandbox"
	"sluice/internal/sender"
	"sluice/internal/session"
	"sluice/internal/spool"
	"sluice/internal/token"
	"sluice/internal/worker"
)

// A world has all parts that stand behind a page, in this process: Redis, providers, a
// worker, and what imports.
type world struct {
	t      *testing.T
	rdb    *redis.Client
	desk   *desk.Desk
	tokens *token.Store
	url    string
	server *httptest.Server
	wake   chan struct{}
	known  config.Senders
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, rdb: redistest.New(t).Client(t), wake: make(chan struct{}, 1)}
	provider := sandbox.New(sandbox.Options{Seed: 1, Latency: 2 * time.Millisecond, Faults: []sandbox.Fault{
		{Provider: "nxcloud", Suffix: "77", Code: "22091"},
		{Provider: "nxcloud", Suffix: "500", Do: sandbox.CutAfter},
		{Provider: "nxcloud", Suffix: "88888888", Code: "22125", Times: 1},
	}})
	box := httptest.NewServer(provider)
	t.Cleanup(box.Close)
	path := filepath.Join(t.TempDir(), "senders.yaml")
	text := sandbox.SendersFile(box.URL,
		[]string{"receipts: {secret: the-test-has-no-secrets}", "limits: {messages_per_second: 400, messages_per_day: 100000, in_flight: 32}"},
		[]string{"limits: {messages_per_second: 80}"})
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.known, err = accounts.Providers().Load(path, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	w.desk = desk.New(desk.Options{Redis: w.rdb, Open: w.open, Now: time.Now})
	w.tokens = token.NewStore(w.rdb, time.Now)
	w.serve()
	w.receive(provider)
	w.work()
	return w
}

// receive takes the receipts of most messages, as the program receiver does.
func (w *world) receive(provider *sandbox.Sandbox) {
	w.t.Helper()
	kept, err := spool.Open(w.t.TempDir(), spool.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	opened, err := w.open("promo-br")
	if err != nil {
		w.t.Fatal(err)
	}
	reader := opened.Provider.(sender.CallbackReader)
	receiver := httptest.NewServer(callback.New(callback.Options{
		Senders: []callback.Sender{{Name: "promo-br", Secrets: []sender.Secret{"the-test-has-no-secrets"}, Reader: reader, Verify: callback.Off, Ack: "success"}},
		Append:  kept.Append, Now: time.Now, Answered: func(string, int, string) {},
	}))
	provider.SetCallbacks(sandbox.Callbacks{
		NXCloud: receiver.URL + "/r/promo-br/the-test-has-no-secrets", Delay: 200 * time.Millisecond, Step: 300 * time.Millisecond, Together: 50, Undelivered: 0.03, Read: 0.5,
	})
	ctx, cancel := context.WithCancel(context.Background())
	applied := make(chan struct{})
	go func() {
		defer close(applied)
		receipt.NewApplier(receipt.Options{Redis: w.rdb, Now: time.Now, Reader: func(string) (sender.CallbackReader, bool) { return reader, true }}).Run(ctx, kept, func(error) {})
	}()
	w.t.Cleanup(func() {
		receiver.Close()
		cancel()
		<-applied
		if err := kept.Close(); err != nil {
			w.t.Error(err)
		}
	})
}

// open opens a sender of the file.
func (w *world) open(name string) (*desk.Sender, error) {
	s, err := w.known.Get(name)
	if err != nil {
		return nil, err
	}
	provider, err := accounts.Providers().Open(s, time.Now)
	if err != nil {
		return nil, err
	}
	ask := accounts.Asker{Provider: provider, Name: name}
	return &desk.Sender{
		Provider: provider, Name: name, Kind: s.Provider, Limits: accounts.Limits(s),
		Preflight: ask.Preflight, TemplateText: ask.TemplateText,
	}, nil
}

// templates asks for those of an account.
func (w *world) templates(ctx context.Context, name string) ([]sender.ListedTemplate, bool, error) {
	s, err := w.open(name)
	if err != nil {
		return nil, false, err
	}
	lister, ok := s.Provider.(sender.TemplateLister)
	if !ok {
		return nil, false, nil
	}
	all, err := lister.Templates(ctx, "")
	return all, true, err
}

type sharedRedis struct{ redis.UniversalClient }

// MakeRedisClient is asynq's way to get a client.
func (s sharedRedis) MakeRedisClient() any { return s.UniversalClient }

func (w *world) serve() {
	w.t.Helper()
	people, err := page.New(page.Options{
		Desk: w.desk, Tokens: w.tokens, Sessions: session.NewStore(w.rdb, w.tokens, time.Now), Outbox: outbox.NewStore(w.rdb, time.Now), Idempotency: idempotency.NewStore(w.rdb),
		Ping: func(context.Context, string) (int, error) { return 204, nil }, Now: time.Now, Log: zerolog.Nop(),
		Senders:   func() ([]string, error) { return []string{"promo-br", "promo-id"}, nil },
		Templates: w.templates, Launched: w.poke,
		Queue: func(readOnly bool) http.Handler {
			return asynqmon.New(asynqmon.Options{RootPath: page.QueuePath, RedisConnOpt: sharedRedis{w.rdb}, ReadOnly: readOnly})
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = httptest.NewServer(people)
	w.url = w.server.URL
	w.t.Cleanup(func() { people.Close(); w.server.Close() })
}

func (w *world) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// work runs what imports, and a worker.
func (w *world) work() {
	ctx, cancel := context.WithCancel(context.Background())
	imported, worked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(imported)
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.wake:
			}
			due, err := w.desk.ImportsDue(ctx)
			for _, id := range due {
				if err == nil {
					err = w.desk.Import(ctx, id)
				}
			}
			if err != nil && ctx.Err() == nil {
				w.t.Errorf("importing: %v", err)
			}
		}
	}()
	limiter := ratelimit.New(w.rdb, ratelimit.Options{Worker: "w1", Log: zerolog.Nop()})
	one := worker.New(worker.Options{
		ID: "w1", Redis: w.rdb, Ledger: ledger.New(w.rdb, time.Now), Campaigns: campaign.NewStore(w.rdb, time.Now), Log: zerolog.Nop(), Now: time.Now,
		Backoff: dispatch.Backoff{Base: 100 * time.Millisecond, Max: time.Second},
		Account: func(name string) (*worker.Account, error) {
			s := w.known[name]
			provider, err := accounts.Providers().Open(s, time.Now)
			if err != nil {
				return nil, err
			}
			return &worker.Account{Provider: provider, InFlight: s.Limits.InFlight, Pace: limiter.Sender(name, accounts.Limits(s))}, nil
		},
	})
	go func() {
		defer close(worked)
		if err := one.Run(ctx); err != nil && ctx.Err() == nil {
			w.t.Errorf("the worker: %v", err)
		}
	}()
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		const every = time.Second // of a campaign that is short
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if err := w.desk.KeepSeries(ctx, "w1", every); err != nil && ctx.Err() == nil {
				w.t.Errorf("keeping the series: %v", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	w.t.Cleanup(func() { cancel(); <-imported; <-worked; <-kept })
}

// people writes a list of so many, with the troubles of real ones.
func people(n int) []byte {
	var b bytes.Buffer
	b.WriteString("first_name,Mobile,discount,code,coupon\n")
	for row := 1; row <= n; row++ {
		phone := fmt.Sprintf("+55 (11) 9%04d-%04d", 1000+row/10000, row%10000)
		switch row % 400 {
		case 11:
			phone = "5.51199E+12"
		case 22:
			phone = ""
		}
		fmt.Fprintf(&b, "%s,%s,%d%%,c%05d,SAVE%d\n", []string{"Ana", "Bruno", "Carla", "Davi", "Luíza", ""}[row%6], phone, 5+row%40, row, 10+row%90)
	}
	return b.Bytes()
}
