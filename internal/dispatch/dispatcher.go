// Package dispatch submits what is left of one claimed batch: it takes slots and
// places in flight, writes the intent, submits, and enters what came of it. No
// recipient is submitted to without an intent on record under a claim that is
// still the newest, and none whose submission may have been taken is submitted to
// again by itself. What a recipient costs is the claim's to say; which batch runs,
// where and when is the business of others.
package dispatch

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/faultpoint"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

type recipient = batch.Recipient

// A Host is what a Dispatcher knows of the worker that it runs in. What is not
// said to be optional is required.
type Host struct {
	Log zerolog.Logger
	Now func() time.Time // the same for all workers
	// Heartbeat says whether this worker still counts as alive.
	Heartbeat Heartbeat
	// Campaigns are halted and brought back by what is found.
	Campaigns Campaigns
	// Suppressed are those who get no message of this campaign; nil: nobody.
	Suppressed Suppressed
	// OptedOut is where those go who want no more marketing from its sender; nil:
	// nowhere.
	OptedOut Suppressed
	// SuppressionVersion is the list's version, as last seen; needed with Suppressed.
	SuppressionVersion func() int64
	// Backoff is the wait after failed attempts.
	Backoff Backoff
	// HandBack is how long a batch runs before the rest of it goes back into the
	// queue, which costs nobody an attempt.
	HandBack time.Duration
	// Wanting is told when fewer than two of the batches that are here have anybody
	// left to begin, so that another comes in time. It may be told often.
	Wanting func()
	Metrics *Metrics // may be nil
}

// A Heartbeat is a worker's sign of life, as others see it.
type Heartbeat interface {
	// Incarnation changes whenever the worker was taken for gone in between.
	Incarnation() int64
	// Lapsed says that since that incarnation others may have taken this worker for
	// gone, and its batches over. It costs no command.
	Lapsed(incarnation int64) bool
}

// Campaigns is what a Dispatcher asks of its campaign and of the queue.
type Campaigns interface {
	// HaltAt stops a campaign with a reason and the row that it was last about, 0
	// for none; false where it does not run any more.
	HaltAt(ctx context.Context, id string, row int, code, reason string) (bool, error)
	// AnyAccepted says whether anybody of a campaign was accepted, by any worker.
	AnyAccepted(ctx context.Context, id string) (bool, error)
	// Reopen brings back a batch that had been done with, and its campaign.
	Reopen(ctx context.Context, id string, claim *ledger.Claim) error
}

// Suppressed is a list of numbers that get no message.
type Suppressed interface {
	// Contains says of each number whether it is on the list.
	Contains(ctx context.Context, phones []string) ([]bool, error)
	// Add puts numbers on it, and returns how many were not.
	Add(ctx context.Context, phones []string) (int, error)
}

// A Dispatcher is one campaign as this worker sends it. It is safe for use by
// many goroutines, one for each batch.
type Dispatcher struct {
	host      Host
	id        string
	sender    *Sender
	submitter sender.Submitter
	set       atomic.Pointer[settings]
	resend    bool
	streak    streak
	accepted  atomic.Bool // somebody is known to be

	// stopped is cancelled by stop, which has every batch end between two
	// submissions.
	stopped context.Context
	stop    context.CancelFunc
}

// New makes what a campaign needs to be sent: its message compiled by its
// sender's provider.
func New(host Host, id string, file *campaign.File, s *Sender) (*Dispatcher, error) {
	columns, err := file.Columns()
	if err != nil {
		return nil, err
	}
	submitter, err := s.Provider.Compile(file.Message, columns)
	if err != nil {
		return nil, fmt.Errorf("compiling the message of %s: %w", id, err)
	}
	stopped, stop := context.WithCancel(context.Background())
	d := &Dispatcher{
		stopped: stopped, stop: stop,
		host: host, id: id, sender: s, submitter: submitter,
		resend: file.OnDoubt == campaign.Resend,
	}
	d.Set(file.Settings())
	return d, nil
}

// Send submits what is left of a claimed batch. It returns nil where nobody is
// left or all that are were submitted to, a *Snooze where the rest must wait, or
// what went wrong. It ends between two submissions when ctx or the Dispatcher
// stops; what is in flight is waited for and recorded.
func (d *Dispatcher) Send(ctx context.Context, claim *ledger.Claim) error {
	r := newRun(d, claim)
	defer r.seat.leave()
	return r.send(ctx)
}

// Stop has every batch end between two submissions, without waiting for it.
func (d *Dispatcher) Stop() { d.stop() }

// Stopped is done once the campaign has stopped here, by Stop or by itself.
func (d *Dispatcher) Stopped() context.Context { return d.stopped }

// submit makes one submission; nothing cuts it off but the provider's timeout.
func (d *Dispatcher) submit(ctx context.Context, ref sender.Ref, rs []recipient, out []sender.Result) {
	done := d.host.Metrics.submitting(d.sender.Name)
	d.sender.inFlight.Add(1)
	defer d.sender.inFlight.Add(-1)
	d.submitter.Submit(ctx, ref, rs, out)
	faultpoint.At(faultpoint.AnswerRead)
	done()
}
