package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/sender"
)

// retryBroken is how long a campaign that cannot be sent here is left alone.
const retryBroken = 10 * time.Second

// A server is one campaign as this worker runs it: its end of the queue, and the
// dispatcher of its batches.
type server struct {
	w          *Worker
	id         string
	account    *Account
	message    sender.Message
	resend     bool
	dispatcher *dispatch.Dispatcher
	set        string // the settings that the dispatcher has, as the record holds them
	queue      *jobs.Server

	running  sync.Map // the batches that this worker is at
	taken    sync.WaitGroup
	takenNow atomic.Int64     // batches taken over that are under way
	leases   map[string]lease // of tasks by name, as the supervisor last saw them

	stopped bool
	gone    chan struct{} // closed when the server has stopped
}

// startServer starts to take batches from the campaign's queue.
func startServer(w *Worker, rec *campaign.Record, account *Account) (*server, error) {
	file, err := rec.File()
	if err != nil {
		return nil, err
	}
	dispatcher, err := dispatch.New(w.host(), rec.ID, file, account.sender)
	if err != nil {
		return nil, err
	}
	s := &server{
		w: w, id: rec.ID, account: account, message: file.Message, resend: file.OnDoubt == campaign.Resend,
		dispatcher: dispatcher, set: rec.Set, gone: make(chan struct{}),
	}
	s.queue, err = w.queue.Serve(rec.ID, jobs.ServeOptions{
		Batches:    w.Batches,
		StopWithin: cmp.Or(account.StopWithin, 40*time.Second), // longer than a submission can take
		Log:        w.Log.With().Str("campaign", rec.ID).Logger(),
		Foreign:    s.foreign,
	}, s.handle)
	if errors.Is(err, jobs.ErrForeign) {
		s.foreign()
	}
	if err != nil {
		return nil, err
	}
	go s.recheck(w.PreflightEvery)
	return s, nil
}

// foreign halts the campaign whose queue holds tasks of another application: to work
// on it would spoil them.
func (s *server) foreign() {
	s.dispatcher.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reason := fmt.Sprintf("foreign_tasks: its queue %s holds tasks of another application; take them away, or use another database of Redis for one of the two; then `producer resume %s`",
		s.w.queue.Name(s.id), s.id)
	if _, err := s.w.Campaigns.Halt(ctx, s.id, "foreign_tasks", reason); err != nil {
		s.w.Log.Error().Err(err).Str("campaign", s.id).Msg("could not record that the campaign halted: its queue holds tasks of another application")
	}
}

// hastenAfter is how long after new settings the batches that wait in the queue
// look again: those that were being looked at under the old ones are back by then.
const hastenAfter = 200 * time.Millisecond

// apply has the dispatcher go on with the campaign's settings as they are now.
func (s *server) apply(set string) {
	if s == nil || s.stopped || set == s.set {
		return
	}
	s.set = set
	settings, err := campaign.ParseSettings(set)
	if err != nil {
		s.w.Log.Error().Err(err).Str("campaign", s.id).Msg("the settings as they were go on")
		return
	}
	s.dispatcher.Set(settings)
	s.w.Log.Info().Str("campaign", s.id).Msg("the campaign's settings are set anew")
	time.AfterFunc(hastenAfter, func() {
		if err := s.w.queue.Hasten(context.Background(), s.id); err != nil {
			s.w.Log.Warn().Err(err).Str("campaign", s.id).Msg("batches wait for what was set before")
		}
	})
}

// host is what the dispatchers know of this worker.
func (w *Worker) host() dispatch.Host {
	return dispatch.Host{
		Log: w.Log, Now: w.Now, Heartbeat: w.heartbeat, Campaigns: campaigns{w},
		Suppressed: w.Suppressed, SuppressionVersion: w.suppressionVersion.Load,
		Backoff: w.Backoff, HandBack: w.HandBack, Metrics: w.metrics.submissions(),
	}
}

// brokenServer stands for a campaign that cannot be sent here, until it is worth
// another try.
func brokenServer() *server {
	s := &server{gone: make(chan struct{}), stopped: true}
	time.AfterFunc(retryBroken, func() { close(s.gone) })
	return s
}

// stopSoon has the server stop without waiting for it.
func (s *server) stopSoon() {
	if s.stopped {
		return
	}
	s.stopped = true
	s.dispatcher.Stop()
	go func() {
		defer close(s.gone)
		s.queue.Shutdown()
		s.taken.Wait()
	}()
}

// dispatcherStopped says that the campaign stopped here by itself, as by a halt.
func (s *server) dispatcherStopped() bool {
	return s.dispatcher != nil && s.dispatcher.Stopped().Err() != nil
}

// outdated says that the sender's settings have changed since the start.
func (s *server) outdated() bool {
	return s.account != nil && s.account.outdated.Load()
}

// ended says that the server has stopped.
func (s *server) ended() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// wait waits until a server that was told to stop has stopped.
func (s *server) wait() {
	if s.queue != nil {
		<-s.gone
	}
}
