package main

import (
	"context"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/config"
	"sluice/internal/worker"
)

// openSenders are the senders file and those of its senders that are in use, so
// that a newer file reaches them.
type openSenders struct {
	providers accounts.Table
	mu        sync.Mutex
	all       config.Senders
	open      map[string]opened
}

// An opened sender is an account with the settings that it was opened with.
type opened struct {
	settings config.Sender
	account  *worker.Account
}

// add notes a sender that was opened, and renews it at once if its settings have
// changed meanwhile.
func (o *openSenders) add(s config.Sender, a *worker.Account) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open[s.Name] = opened{s, a}
	o.hold(s.Name)
}

// get is a sender as the file has it now.
func (o *openSenders) get(name string) (config.Sender, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Get(name)
}

// names are the senders of the file.
func (o *openSenders) names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.all))
}

// replace takes a newer file. Its rates hold at once, for all workers; for
// anything else, such as a secret, the sender is opened anew.
func (o *openSenders) replace(senders config.Senders) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = senders
	for name := range o.open {
		o.hold(name)
	}
}

// hold brings an open sender to what the file says.
func (o *openSenders) hold(name string) {
	s, err := o.all.Get(name)
	if err != nil || !s.SameButRates(o.open[name].settings) {
		o.open[name].account.Renew()
		return
	}
	o.open[name].account.Pace.SetLimits(accounts.Limits(s))
}

// hangups are the SIGHUPs from now on: one that comes while the worker is starting
// waits, and would end a process that does not listen for it. Stop it in the end.
func hangups() (hangup chan os.Signal, stop func()) {
	hangup = make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	return hangup, func() { signal.Stop(hangup) }
}

// reloadOnHangup reads the senders file again at each hangup, until ctx ends. A
// file that is invalid changes nothing.
func reloadOnHangup(ctx context.Context, hangup <-chan os.Signal, path string, getenv func(string) string, o *openSenders, log zerolog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		senders, err := o.providers.Load(path, getenv)
		if err != nil {
			log.Error().Err(err).Msg("the senders file is invalid; the old one goes on")
			continue
		}
		o.replace(senders)
		log.Info().Str("file", path).Msg("senders file read again")
	}
}
