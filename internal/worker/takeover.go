package worker

import (
	"context"
	"errors"

	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// mostTaken is how many batches of a campaign are taken over at once. Who has died had
// few, unless many waited for their last answers.
const mostTaken = 16

// takeOver sends the batch of a worker that is gone, at once and beside the
// queue: asynq would need one to two minutes, and the places of its server may
// all be taken by batches that a slow pace makes long. Asynq's own task for the
// batch finds it held, or done. It returns false if this worker has enough to do.
func (s *server) takeOver(o ledger.Orphan) bool {
	if s.takenNow.Add(1) > mostTaken || s.dispatcherStopped() {
		s.takenNow.Add(-1)
		return false
	}
	s.mu.Lock()
	s.work++
	s.countQuiet()
	s.mu.Unlock()
	s.taken.Go(func() {
		defer s.end()
		defer s.takenNow.Add(-1)
		if err := s.takeOverNow(o); err != nil {
			s.w.Log.Error().Err(err).Str("campaign", s.id).Int("batch", o.Batch).Msg("could not take the batch over; it is tried again")
		}
	})
	return true
}

func (s *server) takeOverNow(o ledger.Orphan) error {
	if _, twice := s.running.LoadOrStore(o.Batch, true); twice {
		return nil
	}
	defer s.running.Delete(o.Batch)
	ctx := context.Background() // ended by the dispatcher's stop, between submissions
	claim, err := s.w.Ledger.ClaimRevision(ctx, s.id, o.Batch, s.w.ID, s.resend, s.revision)
	switch {
	case errors.Is(err, ledger.ErrHeld):
		return nil
	case errors.Is(err, ledger.ErrRevised):
		s.dispatcher.Stop()
		return nil // whoever compiles the message as it is now takes it over
	case errors.Is(err, ledger.ErrDone):
		s.finish(ctx) // whoever is gone may have had no time for it
		return nil
	case err != nil:
		return err
	}
	s.w.Log.Warn().Str("campaign", s.id).Int("batch", o.Batch).Str("gone", o.Worker).Msg("taking over the batch of a worker that is gone")
	ref := jobs.Reference{Campaign: s.id, Batch: o.Batch, Recipients: len(claim.Recipients)}
	_, err = s.process(ctx, ref, claim)
	var l *dispatch.Snooze
	if errors.As(err, &l) {
		// The rest goes its usual way, whether or not the old task comes back.
		return s.w.queue.EnqueueAnew(ctx, ref, claim.Epoch)
	}
	return err
}
