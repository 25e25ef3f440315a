package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/program"
	"sluice/internal/ratelimit"
	"sluice/internal/redisclock"
	"sluice/internal/schema"
	"sluice/internal/sender"
	"sluice/internal/suppress"
	"sluice/internal/told"
	"sluice/internal/worker"
)

// flags are the program's settings; a flag beats the environment.
type flags struct {
	Version kong.VersionFlag `help:"Print the version."`

	RedisURL      string        `help:"Redis that holds the campaigns: redis://, rediss://, redis-sentinel:// or redis-cluster://." env:"SLUICE_REDIS_URL" default:"redis://127.0.0.1:6379/0" placeholder:"URL"`
	QueuePrefix   string        `help:"What the names of this Redis' queues begin with, the same for every program: other applications may have queues there." env:"SLUICE_QUEUE_PREFIX" default:"${queue_prefix}" placeholder:"PREFIX"`
	Senders       string        `help:"The senders file." env:"SLUICE_SENDERS" default:"senders.yaml" placeholder:"FILE"`
	LogLevel      string        `help:"debug, info, warn or error." env:"SLUICE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL"`
	LogFormat     string        `help:"json or console; logs go to standard error." env:"SLUICE_LOG_FORMAT" default:"json" enum:"json,console" placeholder:"FORMAT"`
	MetricsAddr   string        `help:"Where /metrics, /healthz and /readyz are served, such as 127.0.0.1:9090; nowhere if not given." env:"SLUICE_METRICS_ADDR" default:"" placeholder:"ADDR"`
	HandBack      time.Duration `help:"How long a batch runs before the rest of it goes back into the queue, so that a slow pace outlasts no timeout; 30m at most." env:"SLUICE_HAND_BACK" default:"10m"`
	RetryBase     time.Duration `help:"Wait after a recipient's first failed attempt; it doubles with each, up to --retry-max." env:"SLUICE_RETRY_BASE" default:"1s"`
	Preflight     time.Duration `help:"How often templates are looked at again while a campaign runs; 0: never." name:"preflight-every" env:"SLUICE_PREFLIGHT_EVERY" default:"5m"`
	Linger        time.Duration `help:"How long a campaign that is over keeps its queue, for people to look at." env:"SLUICE_LINGER" default:"1h"`
	Keep          time.Duration `help:"How long the rows of a campaign that is over are kept after that; 0: for ever. Its account stays." env:"SLUICE_KEEP" default:"720h"`
	RestoredAfter time.Duration `help:"How old the last worker's heartbeat may be at the start, before all campaigns that run are halted because Redis seems to have been restored; 0: never." env:"SLUICE_RESTORED_AFTER" default:"5m"`
	RetryMax      time.Duration `help:"Longest wait between two attempts." env:"SLUICE_RETRY_MAX" default:"60s"`

	Work        struct{} `cmd:"" default:"1" hidden:"" help:"Send what is due."`
	Healthcheck struct{} `cmd:"" help:"Ask the worker that serves its health at --metrics-addr whether it can work, and end with 0 or 1: for containers, which have no shell."`
}

// run is the program. It sends until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, _ io.Reader, stdout, stderr io.Writer) error {
	var f flags
	command, over, err := program.Parse("worker",
		"Sluice's worker: sends whatever campaigns are due, together with all other workers on the same Redis. SIGTERM stops it between two submissions.",
		&f, args, stdout, stderr,
		kong.Vars{"queue_prefix": jobs.DefaultPrefix, "version": version()}, kong.ValueFormatter(config.FlagHelp))
	if err != nil || over {
		return err
	}
	if command == "healthcheck" {
		return program.AskReady(ctx, f.MetricsAddr)
	}
	hangup, stop := hangups()
	defer stop()
	providers := accounts.Providers()
	senders, err := providers.Load(f.Senders, getenv)
	if err != nil {
		return &program.UsageError{Err: err}
	}
	log, err := config.NewLogger(stderr, f.LogLevel, f.LogFormat)
	if err != nil {
		return &program.UsageError{Err: err}
	}
	var servers worker.Servers
	rdb, err := config.OpenRedis(f.RedisURL, config.Connected(servers.Connected))
	if err != nil {
		return &program.UsageError{Err: fmt.Errorf("--redis-url: %w", err)}
	}
	defer rdb.Close()
	return work(ctx, f, hangup, getenv, &openSenders{providers: providers, all: senders, open: map[string]opened{}}, &servers, rdb, log)
}

// startWithin is how long Redis may take to answer the first question.
const startWithin = 10 * time.Second

// work wires the worker and runs it.
func work(ctx context.Context, f flags, hangup <-chan os.Signal, getenv func(string) string, open *openSenders, servers *worker.Servers, rdb redis.UniversalClient, log zerolog.Logger) error {
	// The client rides over outages; at the start, a long one is to be told of.
	short, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	clock, err := redisclock.New(short, rdb)
	if err != nil {
		return config.RedisAway(err, f.RedisURL)
	}
	led := ledger.New(rdb, clock.Now)
	if err := led.CheckRedis(short); errors.Is(err, ledger.ErrUncheckable) {
		log.Warn().Err(err).Msg("Redis does not tell whether it keeps what it is given")
	} else if err != nil {
		return config.RedisAway(err, f.RedisURL)
	}
	if err := schema.Check(short, rdb); err != nil {
		return config.RedisAway(err, f.RedisURL)
	}
	if err := jobs.CheckPrefix(short, rdb, f.QueuePrefix); errors.Is(err, jobs.ErrPrefix) {
		return &program.UsageError{Err: fmt.Errorf("--queue-prefix: %w", err)}
	} else if err != nil {
		return config.RedisAway(err, f.RedisURL)
	}
	host, _ := os.Hostname()
	id := fmt.Sprintf("%s-%d-%s", host, os.Getpid(), uuid.NewString()[:8])
	log = log.With().Str("worker", id).Logger()
	announce(log, f.RedisURL, open)
	limiter := ratelimit.New(rdb, ratelimit.Options{Worker: id, Log: log})
	reg := prometheus.NewRegistry()
	program.TellBuild(reg, "worker", version())
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sluice_clock_apart_seconds", Help: "How far the clock of Redis is ahead of this machine's.",
	}, func() float64 { now := time.Now(); return clock.Shown(now).Sub(now.Round(0)).Seconds() }))
	metrics := worker.NewMetrics(reg, slices.Collect(maps.Keys(open.all))...)
	led.OnDoubt(metrics.Doubted)
	stopServing, err := program.ServeHealth(f.MetricsAddr, reg, ready(rdb), log)
	if err != nil {
		return err
	}
	defer stopServing()
	var reloading sync.WaitGroup
	reloadCtx, stopReloading := context.WithCancel(ctx)
	defer reloading.Wait()
	defer stopReloading()
	reloading.Go(func() { clock.Keep(reloadCtx) })
	reloading.Go(func() { reloadOnHangup(reloadCtx, hangup, f.Senders, getenv, open, log) })
	w := worker.New(worker.Options{
		ID: id, Version: version(), Host: host, Senders: open.names, QueuePrefix: f.QueuePrefix, Redis: rdb, Ledger: led, Campaigns: campaign.NewStore(rdb, clock.Now),
		Account: func(name string) (*worker.Account, error) { return openAccount(open, rdb, limiter, clock.Now, name) },
		Log:     log, Now: clock.Now, HandBack: f.HandBack, Metrics: metrics,
		Suppressed:     suppress.New(rdb),
		OptedOut:       func(sender string) dispatch.Suppressed { return suppress.New(rdb).OptedOut(sender) },
		PreflightEvery: f.Preflight, Linger: f.Linger, Keep: f.Keep,
		RestoredAfter: f.RestoredAfter, Servers: servers,
		Backoff: dispatch.Backoff{Base: f.RetryBase, Max: f.RetryMax},
	})
	log.Info().Msg("worker ready")
	if err := w.Run(ctx); err != nil {
		return err
	}
	log.Info().Msg("worker stopped")
	return nil
}

// announce says who this worker is and what it goes by: the first line of its log.
func announce(log zerolog.Logger, redisURL string, open *openSenders) {
	limits := zerolog.Dict()
	for _, name := range open.names() {
		s, err := open.get(name)
		if err != nil {
			continue // the file is being read again
		}
		l := s.Limits
		limits = limits.Dict(name, zerolog.Dict().Str("provider", s.Provider).
			Float64("messages_per_second", l.MessagesPerSecond).Float64("requests_per_second", l.RequestsPerSecond).
			Int("messages_per_day", l.MessagesPerDay).Int("in_flight", l.InFlight))
	}
	log.Info().Str("version", version()).Str("redis", config.HostsOf(redisURL)).Dict("senders", limits).
		Msg("worker starts; a limit of 0 is none")
}

// stopSlack is what a stop takes beside the submissions in flight.
const stopSlack = 10 * time.Second

// openAccount opens a sender for the worker's use.
func openAccount(open *openSenders, rdb redis.UniversalClient, limiter *ratelimit.Limiter, now func() time.Time, name string) (*worker.Account, error) {
	s, err := open.get(name)
	if err != nil {
		return nil, err
	}
	provider, err := open.providers.Open(s, now)
	if err != nil {
		return nil, err
	}
	account := &worker.Account{
		Provider: provider, InFlight: s.Limits.InFlight,
		StopWithin: 2*s.Timeout + stopSlack,
		Pace:       limiter.Sender(name, accounts.Limits(s)),
		Preflight: func(ctx context.Context, m sender.Message) error {
			_, asked, err := accounts.Asker{Provider: provider, Name: name}.Preflight(ctx, m)
			if !asked && err == nil {
				err = told.Fit(ctx, rdb, name, m) // nothing else is to be known
			}
			return err
		},
	}
	open.add(s, account)
	return account, nil
}

// version is that of this program, as its heartbeat tells it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
