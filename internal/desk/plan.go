package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/estimate"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// FirstLines is how many lines a plan names of each reason for invalid rows.
const FirstLines = batch.ReasonLines

// A Plan is what a campaign will do: how many get it, who does not and why.
type Plan struct {
	ID, Sender string
	Counts     campaign.Plan
	People     batch.People   // where the recipients are and how their numbers were read, the suppressed counted too
	Reasons    []batch.Reason // why rows are invalid, the most frequent first
	Folded     int            // recipients with a value whose white space was folded
	Template   string         // what the preflight found; empty if it was left out
	Limit      float64        // messages a second; 0: none
	EndsAt     time.Time      // when everybody will have been sent to; zero: not to be known
	LateStart  bool           // its start has passed already
	Counted    bool           // only counted: nothing was written
	Asked      bool           // the suppression list was asked, and the campaigns that the list names
}

// counted takes in what is known once all has been read.
func (p *Prepared) counted(counts campaign.Plan) {
	p.plan.Counts = counts
	p.plan.People = p.reader.People()
	p.plan.Reasons = p.reasons.List()
}

func (p *Prepared) saw(b *batch.Batch) {
	p.read.saw(b)
	p.reasons.Add(b)
	p.plan.Folded += b.Folded
	p.shape.saw(b)
}

// Count reads and checks everything as Launch does, writes nothing, and returns
// the plan. A Desk without Redis asks nobody who is suppressed, and no other campaign.
// A list of nobody, which Launch would refuse, has a plan and an error.
func (d *Desk) Count(ctx context.Context, p *Prepared) (*Plan, error) {
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	p.plan.Counted = true
	im, err := d.counting(ctx, p)
	if errors.Is(err, context.Canceled) {
		return nil, p.inputError(err)
	}
	if err != nil {
		return nil, err
	}
	p.read.begin("reading")
	counts, err := im.Count(ctx, p.reader)
	if err != nil {
		return nil, p.inputError(err)
	}
	p.counted(counts)
	if counts.Recipients == 0 && counts.Suppressed == 0 {
		return &p.plan, p.inputError(&batch.NobodyError{Rows: counts.Rows, Reasons: p.plan.Reasons})
	}
	// As if there were no other campaigns: nobody has asked for them.
	if c := toSend(p.file, p.plan.Counts.Recipients, p.shape.note()); !unknowable(c) {
		p.plan.EndsAt = estimate.Ends(d.now(), limitsOf(p.sender), []estimate.Campaign{c})[0]
	}
	return &p.plan, nil
}

// counting is what counts a list: whom an import would leave out, it does.
func (d *Desk) counting(ctx context.Context, p *Prepared) (*jobs.Import, error) {
	if p.plan.Asked = d.redis != nil; !p.plan.Asked {
		return &jobs.Import{Saw: p.saw}, nil
	}
	im, err := d.importer(ctx, p.file, p.saw)
	if err != nil {
		return nil, err
	}
	others, err := d.others(ctx, p, false)
	if others != nil {
		im.Bar = others.bar
	}
	return im, err
}

// ErrNotAsked says that a provider could not be asked for its templates.
var ErrNotAsked = errors.New("the template could not be checked")

// preflight refuses a message that its template does not fit, before a single
// key is written.
func (p *Prepared) preflight(ctx context.Context) error {
	if p.order.SkipPreflight {
		return nil
	}
	warnings, asked, err := p.sender.Preflight(ctx, p.file.Message)
	var unfit *sender.UnfitError
	switch {
	case errors.As(err, &unfit):
		return invalid("%s: %w", p.order.Name, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotAsked, err)
	}
	p.plan.Template = "the template is approved and fits"
	if !asked {
		p.plan.Template = "not asked: " + p.sender.Kind + " publishes no way to ask for a template"
	}
	for _, w := range warnings {
		if p.order.Warn != nil {
			p.order.Warn(w)
		}
	}
	return nil
}

// inputError says what to do about an input that cannot be imported.
func (p *Prepared) inputError(err error) error {
	list := p.list()
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted; run the same command again to go on where it ended: %w", err)
	case errors.Is(err, ledger.ErrDiffers):
		return invalid("%s: campaign %s was imported from other recipients; a changed list needs a new id: %w", list, p.file.ID, err)
	case errors.Is(err, errChanged), errors.Is(err, batch.ErrDamaged), errors.Is(err, batch.ErrNotText), errors.Is(err, batch.ErrNoEnd), errors.As(err, new(*batch.NobodyError)):
		return invalid("%s: %w", list, err)
	}
	return fmt.Errorf("%s: %w", list, err)
}
