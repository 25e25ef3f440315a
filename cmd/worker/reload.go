package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/config"
	"sluice/internal/jobs"
)

// A book of the senders that are open, so that new limits reach them.
type openSenders struct {
	mu   sync.Mutex
	all  config.Senders
	open map[string]*jobs.Account
}

// add notes a sender that was opened.
func (o *openSenders) add(name string, a *jobs.Account) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open[name] = a
}

// get is a sender as the file has it now.
func (o *openSenders) get(name string) (config.Sender, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Get(name)
}

// replace takes a newer file: its limits hold at once, for all workers; whatever
// else has changed holds for senders that are opened later.
func (o *openSenders) replace(senders config.Senders) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = senders
	for name, a := range o.open {
		if s, err := senders.Get(name); err == nil {
			a.Pace.SetLimits(accounts.Limits(s))
		}
	}
}

// reloadOnHangup reads the senders file again at each SIGHUP, until ctx ends. A
// file that does not hold changes nothing.
func reloadOnHangup(ctx context.Context, path string, getenv func(string) string, o *openSenders, log zerolog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		senders, err := config.LoadSenders(path, getenv)
		if err != nil {
			log.Error().Err(err).Msg("the senders file does not hold; the old one goes on")
			continue
		}
		o.replace(senders)
		log.Info().Str("file", path).Msg("senders file read again")
	}
}
