package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/faultpoint"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

type recipient = batch.Recipient

const (
	// heldWait is how long a task waits whose batch is in other hands.
	heldWait = 5 * time.Second
	// askAgain is how long a batch waits at most whose sender has used up its 24
	// hours, for the limit may be raised meanwhile.
	askAgain = 10 * time.Minute
)

// A sending is one campaign as this worker sends it, from the start of its
// asynq server to the stop. It is the server's handler.
type sending struct {
	w           *Worker
	id          string
	account     *Account
	submitter   sender.Submitter
	weight      int
	perSecond   float64
	maxAttempts int
	resend      bool
	message     sender.Message
	window      *campaign.Window // where it is each recipient's own; else nil
	tempo       tempo
	streak      streak
	accepted    atomic.Bool // somebody is known to be
	running     sync.Map    // the batches that this worker is at
	taken       sync.WaitGroup
	takenNow    atomic.Int64     // batches taken over that are under way
	leases      map[string]lease // of tasks by name, as the supervisor last saw them

	// stopped is cancelled by stop, which has every batch end between two
	// submissions.
	stopped context.Context
	stop    context.CancelFunc
}

// newSending makes what a campaign needs to be sent: its message compiled by its
// sender's provider.
func newSending(w *Worker, rec *campaign.Record, account *Account) (*sending, error) {
	file, err := rec.File()
	if err != nil {
		return nil, err
	}
	columns, err := file.Message.Columns()
	if err != nil {
		return nil, err
	}
	submitter, err := account.Provider.Compile(file.Message, columns)
	if err != nil {
		return nil, fmt.Errorf("compiling the message of %s: %w", rec.ID, err)
	}
	window := file.Window
	if window != nil && window.Timezone != campaign.RecipientZone {
		window = nil // the supervisor keeps it
	}
	stopped, stop := context.WithCancel(context.Background())
	return &sending{
		stopped: stopped, stop: stop,
		w: w, id: rec.ID, account: account, submitter: submitter,
		weight: file.Weight(), perSecond: file.Rate.MessagesPerSecond,
		maxAttempts: file.MaxAttempts, resend: file.OnDoubt == campaign.Resend,
		message: file.Message, window: window,
	}, nil
}

// ProcessTask runs one batch. It may be called twice for a batch, and twice at
// once: the claim makes that safe.
func (s *sending) ProcessTask(ctx context.Context, t *asynq.Task) error {
	ref, err := parseReference(t.Payload())
	if err != nil {
		return err
	}
	if s.stopped.Err() != nil {
		return &later{why: "the worker or the campaign stopped"}
	}
	if _, twice := s.running.LoadOrStore(ref.Batch, true); twice {
		return &later{after: heldWait, why: "this worker is at this batch already"}
	}
	defer s.running.Delete(ref.Batch)
	claim, err := s.w.Ledger.Claim(ctx, s.id, ref.Batch, s.w.ID, s.resend)
	switch {
	case errors.Is(err, ledger.ErrDone):
		s.finish(ctx)
		return nil
	case errors.Is(err, ledger.ErrHeld):
		return &later{after: heldWait, why: "another worker is at this batch"}
	case err != nil:
		return err
	}
	counts, err := s.process(ctx, ref, claim)
	if _, werr := t.ResultWriter().Write([]byte(resultText(counts))); werr != nil {
		s.w.Log.Debug().Err(werr).Str("campaign", s.id).Int("batch", ref.Batch).Msg("task result not written")
	}
	faultpoint.At(faultpoint.BeforeAck)
	return err
}

// process sends what is left of a batch that has been claimed.
func (s *sending) process(ctx context.Context, ref reference, claim *ledger.Claim) (ledger.Counts, error) {
	start := s.w.now()
	s.tempo.runs.Add(1)
	err := newRun(s, ref, claim).send(ctx)
	s.tempo.runs.Add(-1)
	if releaseErr := s.release(claim); err == nil {
		err = releaseErr
	}
	counts := claim.Counts()
	if err == nil && counts.Pending > 0 {
		err = &later{why: "the batch has recipients left"}
	}
	s.w.metrics.batchRun(err)
	s.log(ref, counts, claim.Epoch, s.w.now().Sub(start), err)
	if err == nil {
		s.finish(ctx)
	}
	return counts, err
}

// reopen brings back a batch that had been done with, and its campaign.
func (s *sending) reopen(ctx context.Context, ref reference, epoch int) error {
	if err := s.w.queue.enqueueAnew(ctx, ref, epoch+1); err != nil {
		return err
	}
	_, err := s.w.Campaigns.Reopen(ctx, s.id)
	return err
}

// release gives the claim back while Redis can be had; otherwise the claim ends
// with this worker's sign of life.
func (s *sending) release(claim *ledger.Claim) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return claim.Release(ctx)
}

// finish moves the campaign to finished if this was its last batch.
func (s *sending) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	moved, err := s.w.Campaigns.Finish(ctx, s.id)
	if err != nil {
		// Not lost: the supervisor asks again.
		s.w.Log.Warn().Err(err).Str("campaign", s.id).Msg("could not ask whether the campaign is finished")
	}
	if moved {
		s.w.Log.Info().Str("campaign", s.id).Msg("campaign finished")
	}
}

// submit makes one submission; nothing cuts it off but the provider's timeout.
func (s *sending) submit(ref sender.Ref, rs []recipient, out []sender.Result) {
	done := s.w.metrics.submitting(s.account.Label)
	s.submitter.Submit(context.Background(), ref, rs, out)
	faultpoint.At(faultpoint.AnswerRead)
	done()
}

// group cuts the recipients of ready into units that share a submission. A
// provider may want some alone, by how they ended before.
func (s *sending) group(recipients []recipient, before []past, ready []int) [][]int {
	if s.submitter.MaxRecipients() == 1 {
		units := make([][]int, len(ready))
		for k := range ready {
			units[k] = ready[k : k+1 : k+1]
		}
		return units
	}
	loner, _ := s.submitter.(interface{ Alone(code string) bool })
	at := map[string]int{}
	var units [][]int
	for _, i := range ready {
		if loner != nil && loner.Alone(before[i].code) {
			units = append(units, []int{i})
			continue
		}
		key := s.submitter.Key(&recipients[i])
		u, ok := at[key]
		if !ok || len(units[u]) == s.submitter.MaxRecipients() {
			u, units = len(units), append(units, nil)
			at[key] = u
		}
		units[u] = append(units[u], i)
	}
	// Those that go alone first, so that they make whole chunks.
	slices.SortStableFunc(units, func(a, b []int) int { return min(len(a), 2) - min(len(b), 2) })
	return units
}

// dueAt is when a pending recipient may be submitted next.
func (s *sending) dueAt(n, i int, p ledger.Pending) time.Time {
	switch {
	case p.Tries == 0 || p.Time.IsZero():
		return time.Time{}
	case p.Code == "meta_131056":
		return p.Time.Add(pairDelay(p.Tries - 1))
	case p.Outcome == sender.Failed || p.Outcome == sender.Unknown:
		return p.Time.Add(s.w.Backoff.after(max(p.Attempts, 1), jitter(s.id, n, i, p.Tries)))
	case outageCode(p.Code):
		return p.Time.Add(s.w.Backoff.after(1, jitter(s.id, n, i, p.Tries)))
	}
	return time.Time{}
}

// beginFailed turns a refused intent into what the queue is told.
func (s *sending) beginFailed(err error) error {
	switch {
	case errors.Is(err, ledger.ErrNotRunning):
		s.stop()
		return &later{why: "the campaign is not running"}
	case errors.Is(err, ledger.ErrNotPending):
		return &later{why: "somebody else's word on a recipient came meanwhile"}
	case errors.Is(err, ledger.ErrStale):
		return &later{after: 5 * time.Second, why: "another worker has taken the batch over"}
	}
	return err
}

// takeFailed turns a refused slot into what the queue is told.
func (s *sending) takeFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &later{why: "the worker or the campaign stopped"}
	}
	var full *ratelimit.DayFullError
	if errors.As(err, &full) {
		return &later{after: min(max(time.Until(full.Until), time.Second), askAgain), why: "the sender's messages for 24 hours are used up"}
	}
	return err
}

// untilStopped is ctx, but also ended by the sending's stop.
func (s *sending) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.stopped, cancel)
	return ctx, func() { stop(); cancel() }
}

// pause waits for d, or returns a later when the sending stops.
func (s *sending) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.stopped.Done():
	case <-ctx.Done():
	}
	return &later{why: "the worker or the campaign stopped"}
}
