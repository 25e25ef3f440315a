package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// heldWait is how long a task waits whose batch is in other hands.
const heldWait = 5 * time.Second

// handle runs one batch. It may be called twice for a batch, and twice at once:
// the claim makes that safe.
func (s *server) handle(ctx context.Context, ref jobs.Reference) (string, error) {
	if s.dispatcherStopped() {
		return "", &dispatch.Snooze{Why: "the worker or the campaign stopped"}
	}
	if _, twice := s.running.LoadOrStore(ref.Batch, true); twice {
		return "", &dispatch.Snooze{After: heldWait, Why: "this worker is at this batch already"}
	}
	defer s.running.Delete(ref.Batch)
	claim, err := s.w.Ledger.ClaimRevision(ctx, s.id, ref.Batch, s.w.ID, s.resend, s.revision)
	switch {
	case errors.Is(err, ledger.ErrDone):
		s.finish(ctx)
		return "", nil
	case errors.Is(err, ledger.ErrHeld):
		return "", &dispatch.Snooze{After: heldWait, Why: "another worker is at this batch"}
	case errors.Is(err, ledger.ErrRevised):
		s.dispatcher.Stop() // and the next server compiles the message as it is now
		return "", &dispatch.Snooze{Why: "the message was amended"}
	case err != nil:
		return "", err
	}
	counts, err := s.process(ctx, ref, claim)
	return resultText(counts), err
}

// process sends what is left of a batch that has been claimed.
func (s *server) process(ctx context.Context, ref jobs.Reference, claim *ledger.Claim) (ledger.Counts, error) {
	start := s.w.now()
	err := s.heedOthers(ctx, claim)
	if err == nil {
		err = s.dispatcher.Send(ctx, claim)
	}
	if releaseErr := s.release(claim); err == nil {
		err = releaseErr
	}
	counts := claim.Counts()
	if err == nil && counts.Pending > 0 {
		err = &dispatch.Snooze{Why: "the batch has recipients left"}
	}
	s.w.metrics.batchRun(err)
	s.log(ref, counts, claim.Epoch, s.w.now().Sub(start), err)
	if err == nil {
		s.finish(ctx)
	}
	return counts, err
}

// release gives the claim back while Redis can be had; otherwise the claim ends
// with this worker's heartbeat.
func (s *server) release(claim *ledger.Claim) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return claim.Release(ctx)
}

// finish moves the campaign to finished if this was its last batch.
func (s *server) finish(ctx context.Context) {
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

// campaigns is what the dispatchers ask for.
type campaigns struct{ w *Worker }

func (c campaigns) HaltAt(ctx context.Context, id string, row int, code, reason string) (bool, error) {
	return c.w.Campaigns.HaltAt(ctx, id, row, code, reason)
}

func (c campaigns) AnyAccepted(ctx context.Context, id string) (bool, error) {
	totals, err := c.w.Ledger.Totals(ctx, id)
	return totals.Accepted > 0, err
}

func (c campaigns) Reopen(ctx context.Context, id string, claim *ledger.Claim) error {
	ref := jobs.Reference{Campaign: id, Batch: claim.N, Recipients: len(claim.Recipients)}
	if err := c.w.queue.EnqueueAnew(ctx, ref, claim.Epoch+1); err != nil {
		return err
	}
	return c.w.recovery.Reopen(ctx, id)
}
