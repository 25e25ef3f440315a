package e2e

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/suppress"
	"sluice/internal/worker"
)

// workInside runs a worker inside the test, wired as cmd/worker wires it, where
// an attack needs what no setting gives: a clock of its own, or a stop that does
// not wait. It returns the function that stops it; the test's end does, too.
func (w *world) workInside(id string, now func() time.Time, stopWithin time.Duration) (stop func()) {
	w.t.Helper()
	rdb, err := config.OpenRedis(w.redis.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	senders, err := accounts.Providers().Load(filepath.Join(w.dir, "senders.yaml"), os.Getenv)
	if err != nil {
		w.t.Fatal(err)
	}
	log := zerolog.New(w.logs).With().Str("worker", id).Logger()
	limiter := ratelimit.New(rdb, ratelimit.Options{Worker: id, Log: log})
	wk := worker.New(worker.Options{
		ID: id, Redis: rdb, Ledger: ledger.New(rdb, now), Campaigns: campaign.NewStore(rdb, now),
		Account: func(name string) (*worker.Account, error) {
			s, err := senders.Get(name)
			if err != nil {
				return nil, err
			}
			provider, err := accounts.Providers().Open(s, now)
			if err != nil {
				return nil, err
			}
			return &worker.Account{Provider: provider, InFlight: s.Limits.InFlight, StopWithin: stopWithin, Pace: limiter.Sender(name, accounts.Limits(s))}, nil
		},
		Log: log, Now: now, Suppressed: suppress.New(rdb), Linger: time.Hour,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := wk.Run(ctx); err != nil {
			w.t.Errorf("worker %s: %v", id, err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	w.t.Cleanup(func() { stop(); rdb.Close() })
	return stop
}
