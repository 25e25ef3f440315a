package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// A Problem is something that does not agree in the ledger.
type Problem struct {
	Batch    int // -1 where it concerns the campaign
	Text     string
	Repaired bool // it followed from the rest, and is right now
}

// String says all of it.
func (p Problem) String() string {
	text := p.Text
	if p.Batch >= 0 {
		text = fmt.Sprintf("batch %d: %s", p.Batch, text)
	}
	if p.Repaired {
		text += " (repaired)"
	}
	return text
}

// Verify reads everything that the ledger holds of a campaign, replays every
// journal and reports whatever does not agree. What can be derived it makes
// right: summaries, the set of batches done, what gone workers left in flight.
// It may be used while the campaign runs.
func (l *Ledger) Verify(ctx context.Context, id string, report func(Problem)) error {
	if err := l.verify(ctx, id, report); err != nil {
		return fmt.Errorf("verifying %s: %w", id, err)
	}
	return nil
}

func (l *Ledger) verify(ctx context.Context, id string, report func(Problem)) error {
	reclaimed, err := l.Reclaim(ctx, id)
	if err != nil {
		return err
	}
	for _, n := range reclaimed {
		report(Problem{n, "its worker is gone; what that had in flight is in doubt now", true})
	}
	staged, err := l.Staged(ctx, id)
	if err != nil {
		return err
	}
	if err := l.verifySums(ctx, id, staged, report); err != nil {
		return err
	}
	state, err := l.rdb.HGet(ctx, keys.Campaign(id), "state").Result()
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	v := verifier{l: l, id: id, report: report, fold: NewFold(0), importing: state == "importing"}
	for i, s := range staged {
		if s.N != i && !v.importing {
			report(Problem{s.N, fmt.Sprintf("batch %d is not staged, and this one is", i), false})
		}
		if err := v.batch(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// verifySums looks for summaries of batches that were never staged.
func (l *Ledger) verifySums(ctx context.Context, id string, staged []StagedBatch, report func(Problem)) error {
	known := make(map[int]bool, len(staged))
	for _, s := range staged {
		known[s.N] = true
	}
	return l.eachField(ctx, keys.Summary(id), func(n int, _ string) error {
		if !known[n] {
			report(Problem{n, "it is summed and was not staged", false})
		}
		return nil
	})
}

// A verifier goes through the batches of a campaign in order.
type verifier struct {
	l         *Ledger
	id        string
	report    func(Problem)
	fold      *Fold
	importing bool
	row       int // the last row seen
}

// batch verifies a batch, again if it changed meanwhile.
func (v *verifier) batch(ctx context.Context, s StagedBatch) error {
	read, err := v.l.read(ctx, v.id, true, s)
	if err != nil {
		return err
	}
	recipients, skipped, err := v.l.unpack(&read[0], s)
	if err != nil {
		return v.corrupt(s.N, err)
	}
	v.rows(s, recipients, skipped)
	for s.Recipients > 0 {
		settled, err := v.journal(ctx, s, &read[0])
		if err != nil || settled {
			return err
		}
		if read, err = v.l.read(ctx, v.id, false, s); err != nil {
			return err
		}
	}
	return nil
}

// journal compares a batch's journal with what was derived from it, and says
// whether it could be done with this reading.
func (v *verifier) journal(ctx context.Context, s StagedBatch, b *readBatch) (settled bool, err error) {
	if err := b.foldInto(v.fold, s); err != nil {
		return true, v.corrupt(s.N, err)
	}
	now := summaryOf(v.fold, len(b.journal))
	var wrong []string
	was, err := parseSummary(s.N, b.summary)
	switch {
	case b.summary == "" && b.journal == "":
	case err != nil:
		wrong = append(wrong, "its summary cannot be read")
	case !was.equal(&now.Counts):
		wrong = append(wrong, "its summary is not what its journal says")
	}
	if b.done != now.done() {
		wrong = append(wrong, "it counts as done and is not, or is and does not")
	}
	if len(wrong) > 0 {
		w, err := v.l.write(ctx, v.id, s.N, now, nil, false, true, beginning{})
		if err != nil || !w.fits {
			return false, err // somebody is at work on it
		}
	}
	for _, text := range wrong {
		v.report(Problem{s.N, text, true})
	}
	v.anomalies(s, b)
	return true, nil
}

// anomalies reports what nobody can make right.
func (v *verifier) anomalies(s StagedBatch, b *readBatch) {
	later := 0
	for i, subs := range v.fold.subs {
		for k := range subs {
			later = max(later, subs[k].epoch)
		}
		if st := v.fold.Standing(i); len(st.Others) > 0 {
			v.report(Problem{s.N, fmt.Sprintf("recipient %d: the provider took the message more than once: %s + %s",
				i, st.MessageID, strings.Join(st.Others, " + ")), false})
		}
	}
	if later > b.epoch {
		v.report(Problem{s.N, fmt.Sprintf("its journal knows epoch %d, and the newest claim is %d: Redis has lost writes", later, b.epoch), false})
	}
}

// rows checks that the batch's rows follow those of the batch before.
func (v *verifier) rows(s StagedBatch, recipients []batch.Recipient, skipped []batch.Skipped) {
	first := v.row + 1
	v.row += len(recipients) + len(skipped)
	seen := make([]bool, len(recipients)+len(skipped))
	in := true
	mark := func(row int) {
		at := row - first
		if at < 0 || at >= len(seen) || seen[at] {
			in = false
			return
		}
		seen[at] = true
	}
	for i := range recipients {
		mark(recipients[i].Row)
	}
	for i := range skipped {
		mark(skipped[i].Row)
	}
	if !in && !v.importing {
		v.report(Problem{s.N, fmt.Sprintf("its rows are not those from %d to %d", first, v.row), false})
	}
}

// corrupt reports bytes that are not what was written, and passes other errors on.
func (v *verifier) corrupt(n int, err error) error {
	var c *CorruptError
	if !errors.As(err, &c) {
		return err
	}
	where := *c
	where.Batch = -1 // the problem names it
	v.report(Problem{n, where.Error(), false})
	return nil
}
