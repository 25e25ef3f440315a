package ledger

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/batch"
)

// A Row is what became of one row of the input.
type Row struct {
	Row   int    // of the input, from 1, the header not counted
	Line  int    // of the file, from 1; only of a skipped row
	Phone string // normalised; of an invalid row, as it was given
	// State is pending, accepted, rejected, in_doubt, invalid, duplicate or
	// suppressed.
	State string
	// MessageID is the provider's. Where the provider took the message more than
	// once, all its message_ids, with " + " between them.
	MessageID string
	Code      string // as Standing.Code
	// InFlight says that a submission to a pending recipient was begun, and its
	// outcome is not known yet.
	InFlight bool
	Reason   string // where it does not follow from the code
	Attempts int
	// Revision is that of the message which the row got, or which was last tried; 0
	// where none was.
	Revision int
	// Vars are a recipient's values, as the batch has them; of a row that is none those
	// that are kept.
	Vars        []string
	SubmittedAt time.Time // as Standing.Time
	Batch       int
	Index       int // of the recipient in its batch; -1 for a row that is none
}

// exportAtOnce is how many batches are read in one pipeline.
const exportAtOnce = 4

// Export calls fn for every row of a campaign exactly once, in the order of the
// input. It holds a few batches in memory, whatever the campaign's size. A row
// that changes meanwhile is given as it was at some moment of the export. An
// error of fn ends it.
func (l *Ledger) Export(ctx context.Context, id string, fn func(Row) error) error {
	staged, err := l.Staged(ctx, id)
	if err != nil {
		return err
	}
	revisions, err := l.revisions(ctx, id)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	// Batches are decoded by some goroutines at once and given in order. What is
	// sent on the outer channel bounds what is ahead.
	decoded := make(chan chan []Row, runtime.GOMAXPROCS(0)+1)
	g.Go(func() error {
		defer close(decoded)
		return l.decodeAll(ctx, g, id, staged, revisions, decoded)
	})
	g.Go(func() error {
		for next := range decoded {
			select {
			case rows := <-next:
				for i := range rows {
					if err := fn(rows[i]); err != nil {
						return err
					}
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	return g.Wait()
}

// decodeAll reads batch after batch and has each decoded by a goroutine of its
// own.
func (l *Ledger) decodeAll(ctx context.Context, g *errgroup.Group, id string, staged []StagedBatch, revisions revisions, decoded chan<- chan []Row) error {
	for len(staged) > 0 {
		some := staged[:min(exportAtOnce, len(staged))]
		staged = staged[len(some):]
		read, err := l.read(ctx, id, true, some...)
		if err != nil {
			return fmt.Errorf("reading batches of %s: %w", id, err)
		}
		for i := range read {
			rows := make(chan []Row, 1)
			select {
			case decoded <- rows:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			g.Go(func() error {
				all, err := l.rows(&read[i], some[i], revisions)
				if err != nil {
					return fmt.Errorf("reading %s: %w", id, err)
				}
				rows <- all
				return nil
			})
		}
	}
	return nil
}

// rows are all rows of a batch.
func (l *Ledger) rows(b *readBatch, s StagedBatch, revisions revisions) ([]Row, error) {
	recipients, skipped, err := l.unpack(b, s)
	if err != nil {
		return nil, err
	}
	fold := l.folds.Get().(*Fold)
	defer l.folds.Put(fold)
	if err := b.foldInto(fold, s); err != nil {
		return nil, err
	}
	rows := make([]Row, 0, len(recipients)+len(skipped))
	k := 0
	for i := range recipients {
		for ; k < len(skipped) && skipped[k].Row < recipients[i].Row; k++ {
			rows = append(rows, skippedRow(&skipped[k], s.N))
		}
		st := fold.Standing(i)
		row := recipientRow(&recipients[i], st, s.N)
		row.Index, row.Revision = i, revisions.of(s.N, fold.begunUnder(i, &st))
		rows = append(rows, row)
	}
	for ; k < len(skipped); k++ {
		rows = append(rows, skippedRow(&skipped[k], s.N))
	}
	return rows, nil
}

func skippedRow(s *batch.Skipped, n int) Row {
	return Row{Row: s.Row, Line: s.Line, Phone: s.Phone, State: s.Kind.String(), Reason: s.Reason, Vars: s.Vars, Batch: n, Index: -1}
}

func recipientRow(r *batch.Recipient, st Standing, n int) Row {
	row := Row{
		Row: r.Row, Phone: r.Phone, Vars: r.Vars, State: st.State.String(), MessageID: st.MessageID, Code: string(st.Code),
		Attempts: st.Attempts, SubmittedAt: st.Time, Batch: n, InFlight: st.State == InFlight,
	}
	switch {
	case len(st.Others) > 0:
		row.MessageID += " + " + strings.Join(st.Others, " + ")
		row.Reason = "the provider took the message more than once"
	case st.State == Suppressed:
		row.Reason = "named by the suppression list, or barred by recipients.only or recipients.except, before it was sent"
	case st.Code == CodeLost:
		row.Reason = "the worker ended before it recorded the provider's answer"
	case st.Code == CodeResolved:
		row.Reason = "resolved by a person"
	}
	return row
}
