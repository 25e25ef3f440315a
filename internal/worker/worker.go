// Package worker is the supervisor: it says which campaigns run in this process.
// It runs each that is due, gives this worker's heartbeat, takes over what
// workers that are gone had in their hands, and retires campaigns that are over.
// A batch that somebody has left comes back, whatever ended: a worker, a task, or
// the connection to Redis.
package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/campaign"
	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/schema"
)

const (
	// reconcileEvery is how often a worker looks which campaigns are due. It bounds
	// how long a campaign waits for its first submission, and a change of state for
	// its effect on a server; the ledger refuses intents at once.
	reconcileEvery = 250 * time.Millisecond
	// heedPausesEvery is how often it looks whether a queue was paused.
	heedPausesEvery = time.Second
	// defaultHandBack is Options.HandBack.
	defaultHandBack = 10 * time.Minute
)

// Options are what a Worker works with.
type Options struct {
	ID        string                // required; unique among all workers that ever were
	Version   string                // of the program, for its heartbeat
	Redis     redis.UniversalClient // required
	Ledger    *ledger.Ledger        // required
	Campaigns *campaign.Store       // required
	// Account opens a sender by its name: once, and again after its Renew. Required.
	Account func(name string) (*Account, error)
	Log     zerolog.Logger
	Now     func() time.Time // required; the same for all workers: that of Redis
	// Host is the machine's name, and Senders those that can be opened, for people;
	// both may be left out.
	Host    string
	Senders func() []string
	// Backoff is the wait after failed attempts; 1 s doubling to 60 s if zero.
	Backoff dispatch.Backoff
	// Batches is how many batches of one campaign run here at once; 4 if zero.
	Batches int
	Metrics *Metrics // nil: none are kept
	// HandBack is how long a batch runs before the rest of it goes back into the
	// queue, which costs nobody an attempt; 10 minutes if zero, 30 at most.
	HandBack time.Duration
	// Suppressed is the suppression list; nil: there is none.
	Suppressed Suppressed
	// PreflightEvery is how often templates are looked at again; 0: never.
	PreflightEvery time.Duration
	// QueuePrefix begins the names of the queues; jobs.DefaultPrefix if empty.
	QueuePrefix string
	// Linger is how long a campaign that is over keeps its queue, for people to look
	// at; Keep how long its rows are kept from then on, for ever if zero.
	Linger, Keep time.Duration
}

// Suppressed is a list of numbers that get no message.
type Suppressed interface {
	dispatch.Suppressed
	// Version changes whenever the list does; 0 is an empty list.
	Version(ctx context.Context) (int64, error)
}

// A Worker sends whatever campaigns are due: it is the supervisor that runs one
// asynq server for each of them.
type Worker struct {
	Options
	queue         *jobs.Queue
	recovery      *jobs.Recovery
	heartbeat     *heartbeat
	accounts      map[string]*Account
	servers       map[string]*server
	retryRetireAt map[string]time.Time // of campaigns that could not be retired
	over          map[string]bool      // campaigns that are over and not retired: whether nothing of them is in flight
	metrics       *Metrics
	// redisFailedAt is when Redis was last seen away. Heartbeats may then be missing
	// of workers that live.
	redisFailedAt time.Time
	// suppressionVersion is that of the suppression list, as last seen.
	suppressionVersion atomic.Int64
	says               atomic.Pointer[ledger.Heartbeat] // what the next heartbeat does
}

// New makes a Worker that does nothing until Run.
func New(o Options) *Worker {
	if o.Backoff == (dispatch.Backoff{}) {
		o.Backoff = dispatch.Backoff{Base: time.Second, Max: time.Minute}
	}
	if o.Batches == 0 {
		o.Batches = 4
	}
	if o.HandBack == 0 {
		o.HandBack = defaultHandBack
	}
	o.HandBack = min(o.HandBack, jobs.MaxHandBack)
	queue := jobs.NewQueue(o.Redis, o.QueuePrefix)
	w := &Worker{
		Options: o, queue: queue, metrics: o.Metrics,
		recovery: &jobs.Recovery{Queue: queue, Ledger: o.Ledger, Campaigns: o.Campaigns},
		accounts: map[string]*Account{}, servers: map[string]*server{}, retryRetireAt: map[string]time.Time{}, over: map[string]bool{},
	}
	w.says.Store(&ledger.Heartbeat{Worker: o.ID, Version: o.Version, Revision: schema.Revision, Host: o.Host, Since: o.Now()})
	w.heartbeat = &heartbeat{log: o.Log, give: func(ctx context.Context) error { return o.Ledger.Beat(ctx, *w.says.Load(), aliveFor) }}
	return w
}

func (w *Worker) now() time.Time { return w.Now() }

// Run sends until ctx is cancelled and then stops: batches end between two
// submissions, what is in flight is waited for and recorded. It returns nil, or
// what kept it from starting.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.heartbeat.beat(ctx); err != nil {
		return fmt.Errorf("announcing this worker in Redis: %w", err)
	}
	// Looked at once more after the first heartbeat, so that nobody can have written
	// meanwhile what this program cannot read.
	if err := schema.Check(ctx, w.Redis); err != nil {
		return errors.Join(err, w.Ledger.Leave(ctx, w.ID))
	}
	// Heartbeats go on while the servers stop, or another worker would take over
	// batches that are about to be released.
	beating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var beats sync.WaitGroup
	beats.Go(func() { w.heartbeat.beatLoop(beating) })
	w.supervise(ctx)
	w.stopAll()
	cancel()
	beats.Wait()
	gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := w.Ledger.Leave(gone, w.ID); err != nil {
		w.Log.Debug().Err(err).Msg("heartbeat left to expire")
	}
	return nil
}

// supervise starts and stops servers as campaigns become due, until ctx ends.
func (w *Worker) supervise(ctx context.Context) {
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	recovery := time.NewTicker(recoverEvery)
	defer recovery.Stop()
	pauses := time.NewTicker(heedPausesEvery)
	defer pauses.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.reconcile(ctx)
		case <-recovery.C:
			w.recover(ctx)
		case <-pauses.C:
			w.heedPausedQueues(ctx)
		}
	}
}

// reconcile compares the servers that run with the campaigns that are due.
func (w *Worker) reconcile(ctx context.Context) {
	active, err := w.Campaigns.Active(ctx)
	if err != nil {
		w.redisFailed(ctx, "", err)
		return
	}
	if w.Suppressed != nil {
		version, err := w.Suppressed.Version(ctx)
		if err != nil {
			w.redisFailed(ctx, "", err)
			return
		}
		w.suppressionVersion.Store(version)
	}
	due, over := map[string]bool{}, map[string]bool{}
	for _, rec := range active {
		if rec.State.Over() {
			over[rec.ID] = w.over[rec.ID]
			w.retire(ctx, rec)
			continue
		}
		if rec.Expiring { // whoever reopened it did not come so far
			if err := w.recovery.Reopen(ctx, rec.ID); err != nil {
				w.redisFailed(ctx, rec.ID, err)
			}
		}
		w.servers[rec.ID].apply(rec.Set)
		if w.due(ctx, rec) {
			due[rec.ID] = true
			w.start(ctx, rec)
		}
	}
	w.over = over
	for id, s := range w.servers {
		if !due[id] || s.dispatcherStopped() || s.outdated() {
			s.stopSoon()
		}
		if s.ended() {
			delete(w.servers, id)
		}
	}
	w.closeOutdated()
	w.describe()
	w.metrics.campaigns(active)
	for name, a := range w.accounts {
		w.metrics.pace(name, a.Pace.Factor())
	}
}

// due says whether a campaign is to be sent now, and starts one whose time has
// come.
func (w *Worker) due(ctx context.Context, rec campaign.Brief) bool {
	switch rec.State {
	case campaign.Running:
		now := w.now()
		return !rec.Window.Next(now).After(now)
	case campaign.Scheduled:
		if rec.StartAt.After(w.now()) {
			return false
		}
		if _, err := w.Campaigns.Start(ctx, rec.ID); err != nil {
			w.Log.Warn().Err(err).Str("campaign", rec.ID).Msg("could not start the scheduled campaign")
			return false
		}
		return true
	case campaign.Importing, campaign.Paused, campaign.Halted, campaign.Finished, campaign.Cancelled:
	}
	return false
}

// closeOutdated closes the senders whose settings have changed, once the last of
// their campaigns has stopped here. The next campaign opens them anew.
func (w *Worker) closeOutdated() {
	used := map[*Account]bool{}
	for _, s := range w.servers {
		if s.account != nil {
			used[s.account] = true
		}
	}
	for name, a := range w.accounts {
		if a.outdated.Load() && !used[a] {
			a.sender.Close()
			delete(w.accounts, name)
		}
	}
}

// start runs a campaign's server if it does not run yet.
func (w *Worker) start(ctx context.Context, rec campaign.Brief) {
	id := rec.ID
	if a := w.accounts[rec.Sender]; w.servers[id] != nil || a != nil && a.outdated.Load() {
		return
	}
	s, err := w.open(ctx, id)
	if ctx.Err() != nil && err != nil {
		return // the worker is stopping
	}
	if err != nil {
		// Nobody is lost: the batches stay in the queue for a worker that can.
		w.Log.Error().Err(err).Str("campaign", id).Msg("cannot send this campaign")
		w.servers[id] = brokenServer()
		return
	}
	w.servers[id] = s
	w.Log.Info().Str("campaign", id).Msg("sending campaign")
}

func (w *Worker) open(ctx context.Context, id string) (*server, error) {
	rec, err := w.Campaigns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	account := w.accounts[rec.Sender]
	if account == nil {
		if account, err = w.Account(rec.Sender); err != nil {
			return nil, err
		}
		account.sender = dispatch.NewSender(rec.Sender, account.Provider, account.Pace, account.InFlight, w.Now, w.Log)
		w.accounts[rec.Sender] = account
	}
	return startServer(w, rec, account)
}

// stopAll stops every server at once and waits for them.
func (w *Worker) stopAll() {
	for _, s := range w.servers {
		s.stopSoon()
	}
	for _, s := range w.servers {
		s.wait()
	}
	for _, a := range w.accounts {
		a.sender.Close()
	}
}
