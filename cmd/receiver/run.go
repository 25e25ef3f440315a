package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/callback"
	"sluice/internal/config"
	"sluice/internal/program"
	"sluice/internal/receipt"
	"sluice/internal/schema"
	"sluice/internal/spool"
)

// flags are the program's settings; a flag beats the environment.
type flags struct {
	Addr        string        `help:"Where callbacks are taken; port 0 is one that the system gives. Put what speaks TLS before it." env:"SLUICE_RECEIVER_ADDR" default:"127.0.0.1:8071" placeholder:"ADDR"`
	Dir         string        `help:"The folder that keeps callbacks until they are applied, and for --keep-raw after that; each receiver has its own, best on a volume of its own." env:"SLUICE_RECEIVER_DIR" required:"" placeholder:"DIR"`
	RedisURL    string        `help:"Redis that holds the campaigns: redis://, rediss://, redis-sentinel:// or redis-cluster://." env:"SLUICE_REDIS_URL" default:"redis://127.0.0.1:6379/0" placeholder:"URL"`
	Senders     string        `help:"The senders file." env:"SLUICE_SENDERS" default:"senders.yaml" placeholder:"FILE"`
	LogLevel    string        `help:"debug, info, warn or error." env:"SLUICE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL"`
	LogFormat   string        `help:"json or console; logs go to standard error." env:"SLUICE_LOG_FORMAT" default:"json" enum:"json,console" placeholder:"FORMAT"`
	MetricsAddr string        `help:"Where /metrics, /healthz and /readyz are served, such as 127.0.0.1:9091; nowhere if not given." env:"SLUICE_METRICS_ADDR" default:"" placeholder:"ADDR"`
	KeepRaw     time.Duration `help:"How long callbacks are kept, compressed, once they are applied; 0: for ever. They hold phone numbers." env:"SLUICE_KEEP_RAW" default:"168h"`

	Receive     struct{} `cmd:"" default:"1" hidden:"" help:"Take callbacks."`
	Healthcheck struct{} `cmd:"" help:"Ask the receiver that serves its health at --metrics-addr whether it can take callbacks, and end with 0 or 1: for containers, which have no shell."`
}

// run is the program. It takes callbacks until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, _ io.Reader, stdout, stderr io.Writer) error {
	var f flags
	command, over, err := program.Parse("receiver",
		"Sluice's receiver: takes the providers' callbacks at POST /r/SENDER/SECRET, keeps each on the disk before it answers 200, and applies them to the campaigns. It takes them while Redis is away, too.",
		&f, args, stdout, stderr, kong.ValueFormatter(config.FlagHelp))
	if err != nil || over {
		return err
	}
	if command == "healthcheck" {
		return program.AskReady(ctx, f.MetricsAddr)
	}
	load := func() (*receivers, error) {
		loaded, err := accounts.Providers().Load(f.Senders, getenv)
		if err != nil {
			return nil, err
		}
		return open(loaded)
	}
	from, err := load()
	if err != nil {
		return &program.UsageError{Err: err}
	}
	log, err := config.NewLogger(stderr, f.LogLevel, f.LogFormat)
	if err != nil {
		return &program.UsageError{Err: err}
	}
	rdb, err := config.OpenRedis(f.RedisURL)
	if err != nil {
		return &program.UsageError{Err: fmt.Errorf("--redis-url: %w", err)}
	}
	defer rdb.Close()
	return receive(ctx, f, from, load, rdb, log)
}

// stopWithin is how long requests under way may take at the end.
const stopWithin = 5 * time.Second

// receive wires the receiver and runs it.
func receive(ctx context.Context, f flags, from *receivers, load func() (*receivers, error), rdb redis.UniversalClient, log zerolog.Logger) (err error) {
	s, err := spool.Open(f.Dir, spool.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if cut := s.Cut(); cut > 0 {
		log.Warn().Int64("bytes", cut).Msg("a torn end of the spool, which was never acknowledged, is cut off")
	}
	reg := prometheus.NewRegistry()
	m := newMetrics(reg, s)
	stopServing, err := program.ServeHealth(f.MetricsAddr, reg, ready(s), log)
	if err != nil {
		return err
	}
	defer stopServing()
	l, err := net.Listen("tcp", f.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	now := newCurrent(from, func(r *receivers) http.Handler {
		return callback.New(callback.Options{Senders: r.senders, Append: s.Append, Now: time.Now, Answered: m.answered})
	})
	srv := &http.Server{
		Handler:           m.timed(now),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       stdlog.New(io.Discard, "", 0), // what it has to say of clients holds their addresses
	}
	applier := receipt.NewApplier(receipt.Options{
		Redis: rdb, Now: time.Now, Count: m.count,
		Reader: now.reader, SoleUser: now.soleUser, Halts: now.haltsAt, Effects: receipt.EffectsOn(rdb, warns(log)),
		Damaged: func(err error) {
			log.Error().Err(err).Msg("receipts of a batch cannot be recorded; see producer verify")
		},
	})
	var working sync.WaitGroup
	working.Go(func() {
		tell := func(err error) {
			log.Warn().Err(err).Msg("receipts wait in the spool, and nothing is lost: they cannot be applied now")
		}
		if awaitRedis(ctx, rdb, func(err error) { tell(config.RedisAway(err, f.RedisURL)) }) {
			applier.Run(ctx, s, tell)
		}
	})
	working.Go(func() { reloadOnHangup(ctx, now, load, log) })
	working.Go(func() { tidy(ctx, s, f.KeepRaw, log) })
	defer working.Wait()
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		if err := srv.Shutdown(ending); err != nil {
			srv.Close()
		}
	})
	defer stop()
	log.Info().Str("addr", l.Addr().String()).Int("senders", len(from.senders)).Msg("receiver ready")
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("taking callbacks: %w", err)
	}
	<-stopped // requests under way have had their answer
	return nil
}

// lookWithin is how long Redis may take to answer the first question.
const lookWithin = 5 * time.Second

// awaitRedis waits until a Redis is there that this program can work with; it
// reports false where ctx ends first.
func awaitRedis(ctx context.Context, rdb redis.UniversalClient, tell func(error)) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		short, cancel := context.WithTimeout(ctx, lookWithin) // the client rides over outages, and this is to be told
		err := schema.Check(short, rdb)
		cancel()
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			tell(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// tidy packs what is applied, and removes what is old.
func tidy(ctx context.Context, s *spool.Spool, keep time.Duration, log zerolog.Logger) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if err := s.Pack(keep, now); err != nil {
				log.Warn().Err(err).Msg("the spool is not tidied")
			}
		case <-ctx.Done():
			return
		}
	}
}
