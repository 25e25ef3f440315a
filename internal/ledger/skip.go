package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// ErrNoSuchRow says that a campaign has no recipient in a row.
var ErrNoSuchRow = errors.New("nobody is to be sent to")

// skipAgain is how long Skip waits for a submission in flight to end, at a time.
const skipAgain = 100 * time.Millisecond

// Skip rejects the recipient of a row without a submission, with CodeSkipped, for
// a person says so. It says false where that was done before. Whoever has been
// submitted to is refused with ErrNotPending, and so is who is in doubt: the
// provider may have taken the message. One in flight is waited for until ctx ends.
// It reclaims first, so that what gone workers left is in doubt and not in flight.
func (l *Ledger) Skip(ctx context.Context, id string, row int) (bool, error) {
	if _, err := l.Reclaim(ctx, id); err != nil {
		return false, err
	}
	all, err := l.Staged(ctx, id)
	if err != nil {
		return false, err
	}
	skipped, err := l.skip(ctx, id, all, row)
	if err != nil {
		return false, fmt.Errorf("skipping row %d of %s: %w", row, id, err)
	}
	return skipped, nil
}

func (l *Ledger) skip(ctx context.Context, id string, all []StagedBatch, row int) (bool, error) {
	s, i, err := l.findRow(ctx, id, all, row)
	if err != nil {
		return false, err
	}
	fold := NewFold(0)
	for {
		read, err := l.read(ctx, id, false, s)
		if err != nil {
			return false, err
		}
		if err := read[0].foldInto(fold, s); err != nil {
			return false, err
		}
		st := fold.Standing(i)
		switch st.State {
		case Untouched, Retry:
		case InFlight:
			select {
			case <-time.After(skipAgain):
				continue
			case <-ctx.Done():
				return false, fmt.Errorf("its submission is under way: %w", ctx.Err())
			}
		case Rejected:
			if st.Code == CodeSkipped {
				return false, nil
			}
			return false, fmt.Errorf("it is rejected with code %s: %w", st.Code, ErrNotPending)
		case InDoubt:
			return false, fmt.Errorf("it is in doubt, for the provider may have taken its message; ask the provider, then `producer resolve`: %w", ErrNotPending)
		case Suppressed:
			return false, fmt.Errorf("it is on the suppression list, and is not sent to: %w", ErrNotPending)
		case Accepted:
			return false, fmt.Errorf("it is accepted: %w", ErrNotPending)
		}
		// An outcome of a submission that was never begun. Should one be, by a worker
		// that has not seen this yet, its intent is withdrawn when it reads on.
		record := appendOutcomes(nil, []outcome{{place{i, st.Tries + 1}, ending{outcome: sender.Rejected}, string(CodeSkipped), "", millis(l.now())}})
		length := len(read[0].journal)
		if err := fold.Add(length, string(record)); err != nil {
			return false, err
		}
		w, err := l.write(ctx, id, s.N, summaryOf(fold, length+len(record)), record, false, true, beginning{})
		if err != nil || w.fits {
			return err == nil, err
		}
	}
}

// findRow finds the recipient of a row: its batch, and its index there.
func (l *Ledger) findRow(ctx context.Context, id string, all []StagedBatch, row int) (StagedBatch, int, error) {
	before := 0
	for _, s := range all {
		if row <= before || row > before+s.Rows() {
			before += s.Rows()
			continue
		}
		if s.Recipients == 0 {
			break
		}
		read, err := l.read(ctx, id, true, s)
		if err != nil {
			return s, 0, err
		}
		recipients, _, err := l.unpack(&read[0], s)
		if err != nil {
			return s, 0, err
		}
		i, found := slices.BinarySearchFunc(recipients, row, func(r batch.Recipient, row int) int { return r.Row - row })
		if !found {
			break
		}
		return s, i, nil
	}
	return StagedBatch{}, 0, fmt.Errorf("%w: it is no row of the list, or one that was invalid, duplicate or suppressed", ErrNoSuchRow)
}
