package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/audience"
	"sluice/internal/campaign"
	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/locate"
	"sluice/internal/phone"
	"sluice/internal/sender"
)

// retryBroken is how long a campaign that cannot be sent here is left alone.
const retryBroken = 10 * time.Second

// A server is one campaign as this worker sends it: the dispatcher of its batches,
// and the crews that take them from its queue. The dispatcher stays as long as the
// campaign is due; crews are there while tasks wait.
type server struct {
	w          *Worker
	id         string
	account    *Account
	message    sender.Message
	resend     bool
	dispatcher *dispatch.Dispatcher
	revision   int                // of the message
	audience   *audience.Audience // what other campaigns say of the list; nil: nothing
	named      string             // how those were at the import
	set        string             // the settings that the dispatcher has, as the record holds them

	running  sync.Map    // the batches that this worker is at
	wanting  atomic.Bool // another batch should be here soon
	taken    sync.WaitGroup
	takenNow atomic.Int64   // batches taken over that are under way
	resting  sync.WaitGroup // crews that were told to stop

	mu    sync.Mutex
	crews []*crew
	work  int // batches that are under way
	quiet int // crews that are counted as having nothing to do

	stopped bool
	gone    chan struct{} // closed when the server has stopped
}

// A crew takes batches from the queue, so many at once.
type crew struct {
	places int
	queue  *jobs.Server
	rests  bool // it takes no more; guarded by its server
}

// newServer makes a campaign's server, which takes nothing yet; nil while its
// sender is about to be opened anew.
func (w *Worker) newServer(ctx context.Context, id string) (*server, error) {
	rec, err := w.Campaigns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	account, err := w.account(rec.Sender)
	if err != nil || account == nil {
		return nil, err
	}
	file, err := rec.File()
	if err != nil {
		return nil, err
	}
	others, err := audience.New(audience.Options{
		Ledger: w.Ledger, Campaigns: w.Campaigns, Index: locate.New(w.Redis, w.Ledger, phone.IdentityOf), Now: w.Now,
	}, file.Recipients)
	if err != nil {
		return nil, err
	}
	s := &server{
		audience: others, named: rec.Named,
		w: w, id: rec.ID, account: account, message: file.Message, resend: file.OnDoubt == campaign.Resend,
		revision: rec.Revision, set: rec.Set, gone: make(chan struct{}),
	}
	if s.dispatcher, err = dispatch.New(w.host(file, s.want), rec.ID, file, account.sender); err != nil {
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

// want has another batch taken soon, where there is one.
func (s *server) want() {
	if s.wanting.CompareAndSwap(false, true) {
		// Campaigns of small batches want one all the time; each look is for several.
		time.AfterFunc(wantEvery, func() { s.w.wakes.add(s.id) })
	}
}

// host is what the dispatcher of a campaign knows of this worker.
func (w *Worker) host(file *campaign.File, wanting func()) dispatch.Host {
	h := dispatch.Host{
		Log: w.Log, Now: w.Now, Heartbeat: w.heartbeat, Campaigns: campaigns{w},
		SuppressionVersion: w.suppressionVersion.Load,
		Backoff:            w.Backoff, HandBack: w.HandBack, Wanting: wanting, Metrics: w.metrics.submissions(),
	}
	if w.Suppressed != nil {
		h.Suppressed = w.Suppressed
	}
	if w.OptedOut != nil {
		h.OptedOut = w.OptedOut(file.Sender)
		if file.Message.Marketing() {
			h.Suppressed = h.OptedOut
		}
	}
	return h
}

// hire adds a crew.
func (s *server) hire(places int) error {
	c := &crew{places: places}
	s.mu.Lock()
	more := len(s.crews) > 0
	s.mu.Unlock()
	queue, err := s.w.queue.Serve(s.id, jobs.ServeOptions{
		Batches:    places,
		More:       more,
		StopWithin: cmp.Or(s.account.StopWithin, 40*time.Second), // longer than a submission can take
		Log:        s.w.Log.With().Str("campaign", s.id).Logger(),
		Foreign:    s.foreign,
	}, func(ctx context.Context, ref jobs.Reference) (string, error) {
		if !s.begin(c) {
			return "", &dispatch.Snooze{Why: "nothing more was to be taken here"}
		}
		defer s.end()
		return s.handle(ctx, ref)
	})
	if errors.Is(err, jobs.ErrForeign) {
		s.foreign()
		return nil // it has halted
	}
	if err != nil {
		return err
	}
	c.queue = queue
	s.mu.Lock()
	s.crews = append(s.crews, c)
	s.countQuiet()
	s.mu.Unlock()
	return nil
}

// begin counts a batch in, unless its crew rests.
func (s *server) begin(c *crew) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.rests {
		return false
	}
	s.work++
	s.countQuiet()
	return true
}

// end counts a batch out. Where it was the last, the queue is worth a look.
func (s *server) end() {
	s.mu.Lock()
	s.work--
	s.countQuiet()
	idle := s.work == 0
	s.mu.Unlock()
	if idle {
		s.w.wakes.add(s.id)
	}
}

// serves says that batches are taken here, or are under way.
func (s *server) serves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.crews) > 0 || s.work > 0
}

// idles says that there are crews with nothing to do.
func (s *server) idles() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quiet > 0
}

// busy says that batches are under way.
func (s *server) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.work > 0
}

// places is how many batches the crews take at once, and how many more they would
// now.
func (s *server) places() (all, free int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.crews {
		all += c.places
	}
	return all, max(0, all-s.work)
}

// rest sends the crews away, unless a batch has come meanwhile.
func (s *server) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.work == 0 {
		s.dismiss()
	}
}

// dismiss has the crews take no more, and go once their batches have ended. It is
// called with mu held.
func (s *server) dismiss() {
	for _, c := range s.crews {
		c.rests = true
		s.w.quiet.Add(1)
		s.resting.Go(func() {
			c.queue.Shutdown()
			s.w.quiet.Add(-1)
			s.w.wakes.add(s.id) // it may have given a task back at the last moment
		})
	}
	s.crews = nil
	s.countQuiet()
}

// countQuiet counts the crews here that have nothing to do among all of them. It is
// called with mu held, whenever that changes.
func (s *server) countQuiet() {
	was := s.quiet
	s.quiet = 0
	if s.work == 0 {
		s.quiet = len(s.crews)
	}
	s.w.quiet.Add(int64(s.quiet - was))
}

// stopSoon has the server stop without waiting for it.
func (s *server) stopSoon() {
	if s.stopped {
		return
	}
	s.stopped = true
	s.dispatcher.Stop()
	s.mu.Lock()
	s.dismiss()
	s.mu.Unlock()
	go func() {
		s.resting.Wait()
		s.taken.Wait()
		close(s.gone)
		s.w.wakes.add(s.id)
	}()
}

// stopping says that a server was told to stop, if there is one.
func (s *server) stopping() bool { return s != nil && s.stopped }

// dispatcherStopped says that the campaign stopped here by itself, as by a halt.
func (s *server) dispatcherStopped() bool { return s.dispatcher.Stopped().Err() != nil }

// outdated says that the sender's settings have changed since the start.
func (s *server) outdated() bool { return s.account.outdated.Load() }

// ended says that the server has stopped.
func (s *server) ended() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}
