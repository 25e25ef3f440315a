package ledger

import (
	"context"
	"fmt"
)

// A Choice is what a person says of submissions in doubt.
type Choice uint8

// The choices. All of them give way to a real outcome that comes late.
const (
	Accept Choice = iota + 1 // the provider took the message
	Reject                   // it is not to be sent
	Resend                   // it is to be sent again
)

// ParseChoice reads accept, reject or resend.
func ParseChoice(word string) (Choice, error) {
	for c := Accept; c <= Resend; c++ {
		if c.String() == word {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%q is no choice: say accept, reject or resend", word)
}

// String is the word for the choice.
func (c Choice) String() string {
	switch c {
	case Accept:
		return "accept"
	case Reject:
		return "reject"
	case Resend:
		return "resend"
	}
	return "invalid"
}

// Resolve records a person's choice for every recipient of the campaign that is
// in doubt, with the time, and returns how many there were. It speaks of those
// submissions alone that are in doubt at that moment: what comes in doubt later
// is in doubt. Of two choices for one submission the first counts. Repeating it
// changes nothing. It reclaims first, so that what gone workers left is among it.
// After Resend the batches are among the Open ones, and need tasks.
func (l *Ledger) Resolve(ctx context.Context, id string, choice Choice) (int, error) {
	if _, err := l.Reclaim(ctx, id); err != nil {
		return 0, err
	}
	all, err := l.Staged(ctx, id)
	if err != nil {
		return 0, err
	}
	resolved := 0
	for _, s := range all {
		if s.Recipients == 0 {
			continue
		}
		n, err := l.resolve(ctx, id, s, choice)
		resolved += n
		if err != nil {
			return resolved, fmt.Errorf("resolving batch %d of %s: %w", s.N, id, err)
		}
	}
	return resolved, nil
}

// resolve resolves one batch: it writes only if nothing was recorded since it
// read, for that may have been the outcome in question.
func (l *Ledger) resolve(ctx context.Context, id string, s StagedBatch, choice Choice) (int, error) {
	fold := NewFold(0)
	for {
		read, err := l.read(ctx, id, false, s)
		if err != nil {
			return 0, err
		}
		if err := read[0].foldInto(fold, s); err != nil {
			return 0, err
		}
		places, recipients := fold.doubts()
		if len(places) == 0 {
			return 0, nil
		}
		record := appendResolution(choice, l.now(), places)
		length := len(read[0].journal)
		if err := fold.Add(length, string(record)); err != nil {
			return 0, err
		}
		w, err := l.write(ctx, id, s.N, summaryOf(fold, length+len(record)), record, false, true, beginning{})
		if err != nil {
			return 0, err
		}
		if w.fits {
			return recipients, nil
		}
	}
}

// doubts are the submissions in doubt of the recipients in doubt, and how many
// recipients that are.
func (f *Fold) doubts() (places []place, recipients int) {
	for i, subs := range f.subs {
		if f.Standing(i).State != InDoubt {
			continue
		}
		recipients++
		for k := range subs {
			if subs[k].weigh(f.epoch) == weighsDoubt {
				places = append(places, place{i, subs[k].try})
			}
		}
	}
	return places, recipients
}
