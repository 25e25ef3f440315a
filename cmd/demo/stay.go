package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/audit"
	"sluice/internal/desk"
	"sluice/internal/idempotency"
	"sluice/internal/outbox"
	"sluice/internal/page"
	"sluice/internal/sender"
	"sluice/internal/session"
	"sluice/internal/token"
)

// pageAddr is where the page is, unless another address is given.
const pageAddr = "127.0.0.1:8070"

// running are campaigns for the page, over the same list: one that goes on for minutes,
// one that waits for the time of day, and one that a person has paused.
var running = []struct{ id, settings string }{
	{"summer-news", "rate: {messages_per_second: 40}\n"},
	{"members-first", "window: {from: \"03:00\", to: \"03:01\", timezone: Pacific/Kiritimati}\n"},
	{"autumn-offer", "rate: {messages_per_second: 25}\n"},
}

// stay serves the page until it is interrupted, with campaigns that run.
func (d *demo) stay(ctx context.Context, addr string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	text, err := d.launchMore(ctx)
	if err != nil {
		return err
	}
	wake := make(chan struct{}, 1)
	people, err := d.page(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil { // somebody else has it
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("serving the page: %w", err)
	}
	srv := &http.Server{Handler: people, ReadHeaderTimeout: 10 * time.Second}
	var working sync.WaitGroup
	failed := make(chan error, 2)
	working.Go(func() { failed <- d.worker().Run(ctx) })
	working.Go(func() { d.importMore(ctx, wake) })
	working.Go(func() { d.keepSeries(ctx) })
	working.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	_, err = fmt.Fprintf(d.out, "\nThe page is at http://%s, and this token opens it: %s\nEnd it with Ctrl-C.\n", l.Addr(), text)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	cancel()
	err = errors.Join(err, srv.Close())
	people.Close()
	working.Wait()
	return err
}

// launchMore launches the campaigns for the page, and makes a token that may do all.
func (d *demo) launchMore(ctx context.Context) (string, error) {
	tokens := token.NewStore(d.rdb, time.Now)
	text, _, err := tokens.Create(ctx, token.Order{Name: "demo", Scopes: token.Scopes})
	if err != nil {
		return "", err
	}
	list := d.dir + "/recipients.csv"
	if _, err := phoneColumn(list); err != nil {
		return text, nil // somebody's own list: their campaigns are enough to look at
	}
	for _, r := range running {
		raw := fmt.Sprintf(plain, r.id, "promo-id", "phone", ", default_country: BR") + r.settings
		p, err := d.desk.Prepare(desk.Order{Text: []byte(raw), Name: "demo.yaml", Lists: []string{list}, SkipPreflight: true})
		if err != nil {
			return "", err
		}
		_, err = d.desk.Launch(ctx, p)
		p.Close()
		if err != nil {
			return "", err
		}
	}
	_, err = d.desk.As(audit.Actor{Name: "demo"}).Pause(ctx, "autumn-offer")
	return text, err
}

// page makes the page over the demo's own parts.
func (d *demo) page(launched func()) (*page.Server, error) {
	tokens := token.NewStore(d.rdb, time.Now)
	return page.New(page.Options{
		Desk: d.desk, Tokens: tokens, Sessions: session.NewStore(d.rdb, tokens, time.Now), Outbox: outbox.NewStore(d.rdb, time.Now), Idempotency: idempotency.NewStore(d.rdb),
		Ping: func(context.Context, string) (int, error) { return 0, errors.New("the demo calls nobody") },
		Now:  time.Now, Log: zerolog.Nop(), Launched: launched, Templates: d.templates,
		Senders: func() ([]string, error) { return []string{"promo-br", "promo-id"}, nil },
		Queue: func(readOnly bool) http.Handler {
			return asynqmon.New(asynqmon.Options{RootPath: page.QueuePath, RedisConnOpt: shared{d.rdb}, ReadOnly: readOnly})
		},
	})
}

// shared hands the demo's own client to asynqmon.
type shared struct{ redis.UniversalClient }

// MakeRedisClient is asynq's way to get a client.
func (s shared) MakeRedisClient() any { return s.UniversalClient }

// templates are those that the sandbox has.
func (d *demo) templates(ctx context.Context, name string) ([]sender.ListedTemplate, bool, error) {
	s, err := d.senders.Get(name)
	if err != nil {
		return nil, false, err
	}
	provider, err := accounts.Providers().Open(s, time.Now)
	if err != nil {
		return nil, false, err
	}
	defer accounts.Close(provider)
	lister, ok := provider.(sender.TemplateLister)
	if !ok {
		return nil, false, nil
	}
	all, err := lister.Templates(ctx, "")
	return all, true, err
}

// keepSeries keeps how the campaigns go, for the charts.
func (d *demo) keepSeries(ctx context.Context) {
	const every = 5 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := d.desk.KeepSeries(ctx, "demo", every); err != nil && ctx.Err() == nil {
			fmt.Fprintln(d.out, "the charts have a gap:", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// importMore imports what is launched on the page.
func (d *demo) importMore(ctx context.Context, wake <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
		due, err := d.desk.ImportsDue(ctx)
		for _, id := range due {
			err = errors.Join(err, d.desk.Import(ctx, id))
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(d.out, "an import has ended:", err)
		}
	}
}
