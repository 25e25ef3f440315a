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
	// defaultHandBack is Options.HandBack, and mostBatches Options.Batches.
	defaultHandBack = 10 * time.Minute
	mostBatches     = 64
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
	// Batches bounds how many batches of one campaign are here at once; 64 if zero. So
	// many are as keep the places in flight in use.
	Batches int
	Metrics *Metrics // nil: none are kept
	// HandBack is how long a batch runs before the rest of it goes back into the
	// queue, which costs nobody an attempt; 10 minutes if zero, 30 at most.
	HandBack time.Duration
	// Suppressed is the suppression list; nil: there is none.
	Suppressed Suppressed
	// OptedOut is, for a sender, the list of those who want no marketing from it,
	// on which those of Suppressed count too; nil: there is none. It shares the
	// version of Suppressed.
	OptedOut func(sender string) dispatch.Suppressed
	// PreflightEvery is how often templates are looked at again; 0: never.
	PreflightEvery time.Duration
	// QueuePrefix begins the names of the queues; jobs.DefaultPrefix if empty.
	QueuePrefix string
	// Linger is how long a campaign that is over keeps its queue, for people to look
	// at; Keep how long its rows are kept from then on, for ever if zero.
	Linger, Keep time.Duration
	// RestoredAfter is how old the last heartbeat may be at the start before Redis is
	// taken for restored; 0: it never is.
	RestoredAfter time.Duration
	// Servers tell which Redis answers; nil: nobody does.
	Servers *Servers
}

// Suppressed is a list of numbers that get no message.
type Suppressed interface {
	dispatch.Suppressed
	// Version changes whenever the list does; 0 is an empty list.
	Version(ctx context.Context) (int64, error)
}

// A Worker sends whatever campaigns are due. One goroutine supervises them all and
// alone changes what is here without a lock of its own.
type Worker struct {
	Options
	queue     *jobs.Queue
	recovery  *jobs.Recovery
	heartbeat *heartbeat
	metrics   *Metrics
	wakes     *wakes
	accounts  map[string]*Account
	campaigns map[string]*supervised

	quiet atomic.Int64 // crews that have nothing to do, or are on their way out

	reconciledAt time.Time
	// redisFailedAt is when Redis was last seen away. Heartbeats may then be missing
	// of workers that live.
	redisFailedAt time.Time
	// stoodStillAt is when this worker last found that it had stood still, or that
	// another Redis answers; blindSince when that began, if it has gone on ever since.
	stoodStillAt, blindSince time.Time
	fleet                    map[string]bool // the workers that lived when last looked at
	life                     int64           // this worker's incarnation, as last looked at
	watchUntil               time.Time       // until then all that a worker may have left is looked for
	// suppressionVersion is that of the suppression list, as last seen.
	suppressionVersion atomic.Int64
	says               atomic.Pointer[ledger.Heartbeat] // what the next heartbeat does

	lastBeat time.Time                 // of Redis' clock, when it was given
	back     atomic.Pointer[time.Time] // what Redis' state is from, where it has forgotten a heartbeat; zero: nobody knows
	look     chan struct{}             // there is a reason to look at what Redis has
}

// New makes a Worker that does nothing until Run.
func New(o Options) *Worker {
	if o.Backoff == (dispatch.Backoff{}) {
		o.Backoff = dispatch.Backoff{Base: time.Second, Max: time.Minute}
	}
	if o.Batches == 0 {
		o.Batches = mostBatches
	}
	if o.HandBack == 0 {
		o.HandBack = defaultHandBack
	}
	o.HandBack = min(o.HandBack, jobs.MaxHandBack)
	queue := jobs.NewQueue(o.Redis, o.QueuePrefix)
	w := &Worker{
		Options: o, queue: queue, metrics: o.Metrics,
		recovery: &jobs.Recovery{Queue: queue, Ledger: o.Ledger, Campaigns: o.Campaigns},
		wakes:    newWakes(), accounts: map[string]*Account{}, campaigns: map[string]*supervised{},
	}
	w.says.Store(&ledger.Heartbeat{Worker: o.ID, Version: o.Version, Revision: schema.Revision, Host: o.Host, Since: o.Now()})
	w.look = make(chan struct{}, 1)
	w.heartbeat = &heartbeat{log: o.Log, give: func(ctx context.Context) error {
		b, err := o.Ledger.Beat(ctx, *w.says.Load(), aliveFor)
		if err == nil {
			w.beaten(b)
		}
		return err
	}}
	if o.Servers != nil {
		o.Servers.onChange(w.doubt)
	}
	return w
}

func (w *Worker) now() time.Time { return w.Now() }

// Run sends until ctx is cancelled and then stops: batches end between two
// submissions, what is in flight is waited for and recorded. It returns nil, or
// what kept it from starting.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.join(ctx); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) { // told to stop before it began; a heartbeat that was given expires
			return nil
		}
		return err
	}
	// Heartbeats go on while the servers stop, or another worker would take over
	// batches that are about to be released.
	beating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() { w.heartbeat.beatLoop(beating) })
	beside.Go(func() { w.listen(ctx) })
	beside.Go(func() { w.guard(beating) })
	w.supervise(ctx)
	w.stopAll()
	cancel()
	beside.Wait()
	gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := w.Ledger.Leave(gone, w.ID); err != nil {
		w.Log.Debug().Err(err).Msg("heartbeat left to expire")
	}
	return nil
}

// join looks whether this worker may begin, and has the others know of it.
func (w *Worker) join(ctx context.Context) error {
	if err := w.lookAtTheStart(ctx); err != nil {
		return fmt.Errorf("looking whether Redis was restored: %w", err)
	}
	if err := w.heartbeat.beat(ctx); err != nil {
		return fmt.Errorf("announcing this worker in Redis: %w", err)
	}
	// Looked at once more after the first heartbeat, so that nobody can have written
	// meanwhile what this program cannot read.
	if err := schema.Check(ctx, w.Redis); err != nil {
		return errors.Join(err, w.Ledger.Leave(ctx, w.ID))
	}
	return nil
}
