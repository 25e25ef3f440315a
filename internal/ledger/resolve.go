package ledger

import (
	"context"
	"fmt"

	"sluice/internal/batch"
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

// A Decide is a person's word on one recipient in doubt, by row and number; 0 is none,
// and leaves them in doubt.
type Decide func(row int, phone string) Choice

// Resolve records a person's choice for every recipient of the campaign that is
// in doubt, with the time, and returns how many there were. It speaks of those
// submissions alone that are in doubt at that moment: what comes in doubt later
// is in doubt. Of two choices for one submission the first counts. Repeating it
// changes nothing. It reclaims first, so that what gone workers left is among it.
// After Resend the batches are among the Open ones, and need tasks.
func (l *Ledger) Resolve(ctx context.Context, id string, choice Choice) (int, error) {
	n, err := l.ResolveEach(ctx, id, func(int, string) Choice { return choice })
	return n[choice], err
}

// ResolveEach is Resolve with a choice for each recipient in doubt, and returns how
// many got which. Decide is asked again where an outcome comes in between.
func (l *Ledger) ResolveEach(ctx context.Context, id string, decide Decide) (map[Choice]int, error) {
	resolved := map[Choice]int{}
	if _, err := l.Reclaim(ctx, id); err != nil {
		return resolved, err
	}
	all, err := l.Staged(ctx, id)
	if err != nil {
		return resolved, err
	}
	for _, s := range all {
		if s.Recipients == 0 {
			continue
		}
		n, err := l.resolve(ctx, id, s, decide)
		for choice, k := range n {
			resolved[choice] += k
		}
		if err != nil {
			return resolved, fmt.Errorf("resolving batch %d of %s: %w", s.N, id, err)
		}
	}
	return resolved, nil
}

// resolve resolves one batch: it writes only if nothing was recorded since it
// read, for that may have been the outcome in question.
func (l *Ledger) resolve(ctx context.Context, id string, s StagedBatch, decide Decide) (map[Choice]int, error) {
	fold := NewFold(0)
	var recipients []batch.Recipient
	for {
		read, err := l.read(ctx, id, false, s)
		if err != nil {
			return nil, err
		}
		if err := read[0].foldInto(fold, s); err != nil {
			return nil, err
		}
		doubts := fold.doubts()
		if len(doubts) == 0 {
			return nil, nil
		}
		if recipients == nil {
			if recipients, err = l.recipients(ctx, id, s); err != nil {
				return nil, err
			}
		}
		places, resolved := map[Choice][]place{}, map[Choice]int{}
		for i, submissions := range doubts {
			if choice := decide(recipients[i].Row, recipients[i].Phone); choice != 0 {
				places[choice] = append(places[choice], submissions...)
				resolved[choice]++
			}
		}
		var record []byte
		for choice := Accept; choice <= Resend; choice++ {
			if len(places[choice]) > 0 {
				record = append(record, appendResolution(choice, l.now(), places[choice])...)
			}
		}
		if len(record) == 0 {
			return nil, nil
		}
		length := len(read[0].journal)
		if err := fold.Add(length, string(record)); err != nil {
			return nil, err
		}
		w, err := l.write(ctx, id, s.N, summaryOf(fold, length+len(record)), record, false, true, beginning{})
		if err != nil {
			return nil, err
		}
		if w.fits {
			return resolved, nil
		}
	}
}

// recipients are those of a batch.
func (l *Ledger) recipients(ctx context.Context, id string, s StagedBatch) ([]batch.Recipient, error) {
	read, err := l.read(ctx, id, true, s)
	if err != nil {
		return nil, err
	}
	recipients, _, err := l.unpack(&read[0], s)
	return recipients, err
}

// doubts are the submissions in doubt of each recipient in doubt.
func (f *Fold) doubts() map[int][]place {
	doubts := map[int][]place{}
	for i, subs := range f.subs {
		if f.Standing(i).State != InDoubt {
			continue
		}
		for k := range subs {
			if subs[k].weigh(f.epoch) == weighsDoubt {
				doubts[i] = append(doubts[i], place{i, subs[k].try})
			}
		}
	}
	return doubts
}
