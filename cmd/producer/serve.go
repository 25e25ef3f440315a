package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/api"
	"sluice/internal/audit"
	"sluice/internal/config"
	"sluice/internal/desk"
	"sluice/internal/events"
	"sluice/internal/idempotency"
	"sluice/internal/outbox"
	"sluice/internal/page"
	"sluice/internal/program"
	"sluice/internal/session"
	"sluice/internal/token"
)

type serveCommand struct {
	Addr          string   `default:"127.0.0.1:8070" help:"Where to serve API and page. Every call but for the probes and the description needs a token; put TLS in front of what is no loopback address." placeholder:"ADDR"`
	CallbackAllow []string `help:"Networks that callbacks may go to beside the public internet, such as 10.0.0.0/8; to these without TLS too." placeholder:"CIDR"`
	MetricsAddr   string   `help:"Where /metrics, /healthz and /readyz are served, such as 127.0.0.1:9092; nowhere if not given." env:"SLUICE_METRICS_ADDR" default:"" placeholder:"ADDR"`
}

// drainFor is how long streams may go on after the command is interrupted.
const drainFor = 30 * time.Second

// Run serves the API until the command is interrupted.
func (c *serveCommand) Run(a *app) error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return &usageError{fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8070", c.Addr)}
	}
	log, err := config.NewLogger(a.err, a.LogLevel, a.LogFormat)
	if err != nil {
		return &usageError{err}
	}
	allow, err := c.networks()
	if err != nil {
		return err
	}
	if err := a.connect(); err != nil {
		return err
	}
	opened := newOpenedSenders(a.openSender, a.now)
	defer opened.closeAll()
	d := desk.New(desk.Options{Redis: a.redis, QueuePrefix: a.QueuePrefix, Open: opened.get, Now: a.now, By: audit.Actor{Name: "the API"}, Remember: 2 * time.Second})
	im := &importer{desk: d, log: log, wake: make(chan struct{}, 1)}
	told := outbox.NewStore(a.redis, a.now)
	deliverer := &outbox.Deliverer{Store: told, Client: outbox.NewClient(true, allow), Message: d.Told, Over: d.IsOver, Log: log}
	if len(allow) > 0 {
		deliverer.Plain = outbox.NewClient(false, allow)
	}
	tokens := token.NewStore(a.redis, a.now)
	hub := events.New(events.Options{Redis: a.redis, Ask: api.Look(d), Log: log, Most: api.StreamsAtOnce})
	handler := api.New(api.Options{
		Events:    hub,
		Templates: a.templatesOf, Outbox: told, Ping: deliverer.Ping, PlainCallbacks: len(allow) > 0,
		Desk: d, Tokens: tokens, Idempotency: idempotency.NewStore(a.redis), Now: a.now, Log: log,
		Senders: a.senderNames, Launched: im.poke,
		Ready: a.ready,
	})
	people, err := page.New(page.Options{
		Desk: d, Tokens: tokens, Sessions: session.NewStore(a.redis, tokens, a.now), Outbox: told, Idempotency: idempotency.NewStore(a.redis), Ping: deliverer.Ping, PlainCallbacks: len(allow) > 0,
		Now: a.now, Log: log, Senders: a.senderNames, Templates: a.templatesOf, Launched: im.poke, Queue: a.queue,
	})
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	deliverer.Count = toldOf(reg)
	fleet := a.fleet(reg, told, log)
	stopHealth, err := program.ServeHealth(c.MetricsAddr, reg, a.ready, log)
	if err != nil {
		return err
	}
	defer stopHealth()
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	srv := &http.Server{Handler: front(measured(reg, handler), people), ReadHeaderTimeout: api.ReadHeaderTimeout, MaxHeaderBytes: api.MaxHeaderBytes, IdleTimeout: 2 * time.Minute}
	srv.RegisterOnShutdown(people.Close)
	var under sync.WaitGroup
	under.Go(func() { im.run(a.ctx) })
	under.Go(func() { keepSeries(a.ctx, d, log) })
	under.Go(func() { notice(a.ctx, d, log) })
	under.Go(func() { hub.Run(a.ctx) })
	if c.MetricsAddr != "" {
		under.Go(func() { fleet.Run(a.ctx) })
	}
	under.Go(func() { deliverer.Run(a.ctx) })
	defer under.Wait()
	stopped := make(chan struct{})
	stop := context.AfterFunc(a.ctx, func() {
		defer close(stopped)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), drainFor)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
	})
	fmt.Fprintf(a.out, "the API is at http://%s\n", l.Addr())
	err = srv.Serve(l)
	if !stop() {
		<-stopped
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the API: %w", err)
	}
	return nil
}

// networks are those that callbacks may go to.
func (c *serveCommand) networks() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range c.CallbackAllow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--callback-allow: %q is not a network such as 10.0.0.0/8", text)}
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// senderNames are the senders of the senders file, as it is now.
func (a *app) senderNames() ([]string, error) {
	senders, err := a.providers.Load(a.Senders, a.getenv)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(senders)), nil
}
