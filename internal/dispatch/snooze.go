package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
)

// askAgain is how long a batch waits at most whose sender has used up its 24
// hours, for the limit may be raised meanwhile.
const askAgain = 10 * time.Minute

// A Snooze is why a batch is to run again later: nothing went wrong with it, so it
// counts as no failure and costs nobody an attempt. The queue's web UI shows it as
// the reason why the batch waits.
type Snooze struct {
	After time.Duration
	Why   string
}

// Error says why, without a word of the batch's content.
func (s *Snooze) Error() string {
	return fmt.Sprintf("%s; again in %s", s.Why, s.After.Round(time.Second))
}

// Delay is when the queue is to run the batch again.
func (s *Snooze) Delay() time.Duration { return s.After }

// beginFailed turns a refused intent into what the queue is told.
func (d *Dispatcher) beginFailed(err error) error {
	switch {
	case errors.Is(err, ledger.ErrNotRunning):
		d.stop()
		return &Snooze{Why: "the campaign is not running"}
	case errors.Is(err, ledger.ErrNotPending):
		return &Snooze{Why: "somebody else's word on a recipient came meanwhile"}
	case errors.Is(err, ledger.ErrForgotten):
		return &Snooze{After: 5 * time.Second, Why: "Redis has forgotten a part of the journal, and the campaign is about to halt"}
	case errors.Is(err, ledger.ErrStale):
		return &Snooze{After: 5 * time.Second, Why: "another worker has taken the batch over"}
	}
	return err
}

// takeFailed turns a refused slot into what the queue is told.
func (d *Dispatcher) takeFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &Snooze{Why: "the worker or the campaign stopped"}
	}
	var full *ratelimit.DayFullError
	if errors.As(err, &full) {
		return &Snooze{After: min(max(time.Until(full.Until), time.Second), askAgain), Why: "the sender's messages for 24 hours are used up"}
	}
	return err
}

// untilStopped is ctx, but also ended by the dispatcher's stop.
func (d *Dispatcher) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(d.stopped, cancel)
	return ctx, func() { stop(); cancel() }
}

// pause waits, or returns a Snooze when the dispatcher stops.
func (d *Dispatcher) pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-d.stopped.Done():
	case <-ctx.Done():
	}
	return &Snooze{Why: "the worker or the campaign stopped"}
}
