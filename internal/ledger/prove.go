package ledger

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/sender"
)

// Evidence is a provider's later word on a submission, which proves that it was
// taken.
type Evidence struct {
	Index int // of the recipient in the batch
	// Try is the submission's; 0 where it is not known, and the recipient has one in
	// doubt alone.
	Try       int
	MessageID string
	Time      time.Time
}

// Prove records as accepted, with CodeReceipt, the submissions that there is evidence
// of and no better word: those in doubt, also where a person has resolved them, and
// those that were answered as not taken. It returns of which of the evidence that
// was so. Evidence of a submission that is in flight, that was rejected or accepted,
// or that nobody intended changes nothing. It repeats itself without effect.
//
// Who waits for a retry is accepted from then on: an intent for them that a worker
// makes without knowing is withdrawn before anything is submitted.
func (l *Ledger) Prove(ctx context.Context, id string, n int, all []Evidence) (proved []bool, err error) {
	proved, err = l.prove(ctx, id, n, all)
	if err != nil {
		return nil, fmt.Errorf("proving submissions of batch %d of %s: %w", n, id, err)
	}
	return proved, nil
}

func (l *Ledger) prove(ctx context.Context, id string, n int, all []Evidence) ([]bool, error) {
	s, err := l.stagedBatch(ctx, id, n)
	if err != nil {
		return nil, err
	}
	fold := NewFold(0)
	for {
		read, err := l.read(ctx, id, false, s)
		if err != nil {
			return nil, err
		}
		if err := read[0].foldInto(fold, s); err != nil {
			return nil, err
		}
		proved := make([]bool, len(all))
		var outcomes []outcome
		for k, e := range all {
			if p, ok := fold.provable(e); ok && !says(outcomes, p) {
				proved[k] = true
				outcomes = append(outcomes, outcome{p, ending{outcome: sender.Accepted}, string(CodeReceipt), e.MessageID, millis(e.Time)})
			}
		}
		if len(outcomes) == 0 {
			return proved, nil
		}
		record := appendOutcomes(nil, outcomes)
		length := len(read[0].journal)
		pending := fold.Counts().Pending > 0
		if err := fold.Add(length, string(record)); err != nil {
			return nil, err
		}
		w, err := l.write(ctx, id, n, summaryOf(fold, length+len(record)), record, pending, true, beginning{})
		if err != nil {
			return nil, err
		}
		if w.fits {
			return proved, nil
		}
	}
}

// says says whether outcomes have one of a place.
func says(outcomes []outcome, p place) bool {
	for i := range outcomes {
		if outcomes[i].place == p {
			return true
		}
	}
	return false
}

// provable is the submission that evidence is of, if it changes anything.
func (f *Fold) provable(e Evidence) (place, bool) {
	if e.Index < 0 || e.Index >= len(f.subs) || e.MessageID == "" {
		return place{}, false
	}
	if st := f.Standing(e.Index); st.State == Accepted && st.Code != CodeResolved {
		return place{}, false
	}
	found := place{e.Index, 0}
	for i := range f.subs[e.Index] {
		s := &f.subs[e.Index][i]
		switch {
		case e.Try != 0 && (s.try != e.Try || !s.open(f.epoch)):
		case e.Try == 0 && (s.weigh(f.epoch) != weighsDoubt):
		case found.try != 0:
			return place{}, false // several, and nothing says which
		default:
			found.try = s.try
		}
	}
	return found, found.try != 0
}

// open says that a submission was made, as far as is known, and that no answer to
// it is final.
func (s *submission) open(epoch int) bool {
	if s.epoch == 0 {
		return false // nobody intended it
	}
	switch s.weigh(epoch) {
	case weighsThrottled, weighsFailed, weighsDoubt, weighsResolvedRejected, weighsResolvedAccepted:
		return true
	case weighsNothing:
		return s.outcome == sender.Denied
	case weighsInFlight, weighsSuppressed, weighsRejected, weighsAccepted:
	}
	return false
}
