package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// An AmendOrder is a corrected message for a campaign that is paused or halted.
type AmendOrder struct {
	ID            string
	Text          []byte // a campaign file, of which the message counts
	Name          string // its path: errors name it
	SkipPreflight bool
	Warn          func(string) // may be nil
}

// Amended is what came of an Amend.
type Amended struct {
	ID       string
	Revision int    // of the message: 1 as it was given
	Waiting  int    // recipients who get it: all that wait for a submission
	Template string // what the preflight found
	// Before says that the campaign had this message already: nothing was changed.
	Before bool
}

// amendRevision is the first revision of workers that heed an amendment.
const amendRevision = 2

func (d *Desk) amend(ctx context.Context, o AmendOrder) (*Amended, error) {
	rec, err := d.withRows(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	m, err := d.amendment(rec, o)
	if err != nil {
		return nil, &InvalidError{err}
	}
	done := &Amended{ID: o.ID, Revision: rec.Revision, Before: m.same}
	switch {
	case m.same: // in whatever state it is since
		done.Waiting, err = d.waiting(ctx, o.ID)
		return done, err
	case rec.State != campaign.Paused && rec.State != campaign.Halted:
		return nil, fmt.Errorf("cannot amend %s: it is %s, and only a paused or halted campaign is amended: %w", o.ID, rec.State, campaign.ErrNotAllowed)
	}
	p := &Prepared{order: Order{Name: o.Name, SkipPreflight: o.SkipPreflight, Warn: o.Warn}, file: m.file, sender: m.sender}
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	done.Template = p.plan.Template
	switch ok, err := d.ledger.MayWrite(ctx, amendRevision); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errors.New("a worker of an earlier version is alive, which would send the message as it was: stop it, or bring it up to date")
	}
	if err := d.quiet(ctx, o.ID); err != nil {
		return nil, err
	}
	if err := m.check(ctx, d.ledger, o.ID); err != nil {
		return nil, err
	}
	if err := d.campaigns.Amend(ctx, o.ID, rec.Revision, o.Text); err != nil {
		return nil, err
	}
	done.Revision++
	done.Waiting, err = d.waiting(ctx, o.ID)
	return done, err
}

// waiting is how many recipients of a campaign are still to be sent to.
func (d *Desk) waiting(ctx context.Context, id string) (int, error) {
	totals, err := d.ledger.Totals(ctx, id)
	return totals.Pending, err
}

// settleWithin is how long submissions in flight are waited for: longer than any
// takes. quietEvery is how often it is looked for them.
const (
	settleWithin = skipWithin
	quietEvery   = 100 * time.Millisecond
)

// quiet waits until nothing of a campaign that does not run is in flight. What
// workers that are gone had in flight is in doubt then.
func (d *Desk) quiet(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for {
		if _, err := d.ledger.Reclaim(ctx, id); err != nil {
			return err
		}
		n, err := d.ledger.InFlight(ctx, id)
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-time.After(quietEvery):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d submissions of %s that are under way: %w", n, id, ctx.Err())
		}
	}
}

// An amendment is a message that is to take another's place.
type amendment struct {
	file      *campaign.File
	sender    *Sender
	submitter sender.Submitter
	columns   []batch.Column // of the recipients' values
	required  []int          // of those, the ones in which nobody's may be empty
	same      bool           // the campaign has it already
}

// amendment reads and compiles the message of an order.
func (d *Desk) amendment(rec *campaign.Record, o AmendOrder) (*amendment, error) {
	file, err := campaign.ParseAmendment(o.Text, o.Name)
	if err != nil {
		return nil, err
	}
	file.ID = rec.ID
	given, err := rec.Given()
	if err != nil {
		return nil, err
	}
	if what := file.BesidesMessage(given); what != "" {
		return nil, fmt.Errorf("%s: %s is another than campaign %s was given with, and only its message can be amended; nothing was changed", o.Name, what, rec.ID)
	}
	now, err := rec.File()
	if err != nil {
		return nil, err
	}
	m := &amendment{file: file, same: now.Identity() == file.Identity()}
	if m.columns, err = given.Columns(); err != nil {
		return nil, err
	}
	used, err := file.Message.Columns()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	for _, c := range used {
		i := slices.IndexFunc(m.columns, func(b batch.Column) bool { return b.Name == c.Name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("%s: column %s is none that campaign %s was imported with; it has %s", o.Name, c.Name, rec.ID, namesOf(m.columns))
		case c.Fold && !m.columns[i].Fold:
			return nil, fmt.Errorf("%s: column %s was imported with its line breaks, which the parameters of a template cannot have", o.Name, c.Name)
		case c.Required:
			m.required = append(m.required, i)
		}
	}
	if m.sender, err = d.open(file.Sender); err != nil {
		return nil, fmt.Errorf("%s: sender: %w", o.Name, err)
	}
	if m.submitter, err = m.sender.Compile(file.Message, m.columns); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	return m, nil
}

func namesOf(columns []batch.Column) string {
	if len(columns) == 0 {
		return "none"
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// check refuses a message that does not fit somebody who may yet get it.
func (m *amendment) check(ctx context.Context, l *ledger.Ledger, id string) error {
	bad, first := 0, ""
	err := l.Export(ctx, id, func(r ledger.Row) error {
		if r.Index < 0 || r.State != ledger.Untouched.String() && r.State != ledger.InDoubt.String() {
			return nil
		}
		if wrong := m.wrong(&batch.Recipient{Row: r.Row, Phone: r.Phone, Vars: r.Vars}); wrong != "" {
			if bad++; bad == 1 {
				first = fmt.Sprintf("row %d: %s", r.Row, wrong)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if bad > 0 {
		return invalid("the message does not fit %d recipients who are still to get it, the first at %s; nothing was changed", bad, first)
	}
	return nil
}

// wrong says what is wrong with the message as a recipient would get it.
func (m *amendment) wrong(r *batch.Recipient) string {
	for _, i := range m.required {
		if r.Vars[i] == "" {
			return "column " + m.columns[i].Name + " is empty, and its placeholder has no fallback"
		}
	}
	if err := m.submitter.Check(r); err != nil {
		return err.Error()
	}
	return ""
}
