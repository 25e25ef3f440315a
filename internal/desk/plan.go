package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// FirstLines is how many lines a plan names of each reason for invalid rows.
const FirstLines = 5

// mostReasons is how many reasons a plan tells apart; there are some dozens.
const mostReasons = 100

// A Plan is what a campaign will do: how many get it, who does not and why.
type Plan struct {
	ID, Sender string
	Counts     campaign.Plan
	People     batch.People // where the recipients are and how their numbers were read, the suppressed counted too
	Reasons    []Reason     // why rows are invalid, the most frequent first
	Template   string       // what the preflight found; empty if it was left out
	Limit      float64      // messages a second; 0: none
	Counted    bool         // only counted: nothing was written, and the suppression list was not asked
}

// A Reason is why rows are invalid.
type Reason struct {
	Reason string `json:"reason"`
	Rows   int    `json:"rows"`
	Lines  []int  `json:"lines"` // of the first FirstLines rows
}

func (p *Plan) saw(b *batch.Batch) {
	for i := range b.Skipped {
		if s := &b.Skipped[i]; s.Kind == batch.Invalid {
			p.blame(s)
		}
	}
}

// blame counts an invalid row for its reason.
func (p *Plan) blame(s *batch.Skipped) {
	i := slices.IndexFunc(p.Reasons, func(r Reason) bool { return r.Reason == s.Reason })
	switch {
	case i >= 0:
	case len(p.Reasons) < mostReasons:
		i = len(p.Reasons)
		p.Reasons = append(p.Reasons, Reason{Reason: s.Reason})
	case len(p.Reasons) == mostReasons:
		i = mostReasons
		p.Reasons = append(p.Reasons, Reason{Reason: "other reasons"})
	default:
		i = mostReasons
	}
	r := &p.Reasons[i]
	if r.Rows++; len(r.Lines) < FirstLines {
		r.Lines = append(r.Lines, s.Line)
	}
}

// counted takes in what is known once all has been read.
func (p *Prepared) counted(counts campaign.Plan) {
	p.plan.Counts = counts
	p.plan.People = p.reader.People()
	slices.SortStableFunc(p.plan.Reasons, func(a, b Reason) int { return cmp.Compare(b.Rows, a.Rows) })
}

func (p *Prepared) saw(b *batch.Batch) {
	p.read.saw(b)
	p.plan.saw(b)
}

// Count reads and checks everything as Launch does, writes nothing, and returns
// the plan. It needs no Redis.
func (d *Desk) Count(ctx context.Context, p *Prepared) (*Plan, error) {
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	p.plan.Counted = true
	p.read.begin("reading")
	im := &jobs.Import{Saw: p.saw}
	counts, err := im.Count(ctx, p.reader)
	if err != nil {
		return nil, p.inputError(err)
	}
	p.counted(counts)
	return &p.plan, nil
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
	list := p.file.Recipients.File
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted; run the same command again to go on where it ended: %w", err)
	case errors.Is(err, ledger.ErrDiffers):
		return invalid("%s: campaign %s was imported from other recipients; a changed list needs a new id: %w", list, p.file.ID, err)
	case errors.Is(err, batch.ErrDamaged):
		return invalid("%s: %w", list, err)
	}
	return fmt.Errorf("%s: %w", list, err)
}
