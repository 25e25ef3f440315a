package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/estimate"
	"sluice/internal/parts"
	"sluice/internal/phone"
)

// A FreezeOrder launches a draft. Rows and Parts, where they are given, say what the
// list is to be.
type FreezeOrder struct {
	Rows          *int
	Parts         map[int]string // sha256 by number
	SkipPreflight bool
	// Paused has the campaign stand paused once it is imported, until it is resumed.
	Paused bool
	Warn   func(string)
}

// ErrLaunchedOtherwise says that a campaign was launched before, to stand paused where it is
// not to now, or the other way round.
var ErrLaunchedOtherwise = fmt.Errorf("it was launched otherwise before: to stand paused, or not to: %w", campaign.ErrNotAllowed)

// ErrListDiffers says that a draft's list is not what the order says.
var ErrListDiffers = errors.New("the list that is here is another one")

func (o *FreezeOrder) check(all []parts.Part) error {
	rows := 0
	for _, p := range all {
		rows += p.Rows
		if want, ok := o.Parts[p.N]; ok && want != p.SHA256 || !ok && o.Parts != nil {
			return fmt.Errorf("part %d: %w", p.N, ErrListDiffers)
		}
	}
	switch {
	case o.Parts != nil && len(o.Parts) != len(all):
		return fmt.Errorf("there are %d parts: %w", len(all), ErrListDiffers)
	case o.Rows != nil && *o.Rows != rows:
		return fmt.Errorf("there are %d rows: %w", rows, ErrListDiffers)
	}
	return nil
}

func (d *Desk) freeze(ctx context.Context, rec *campaign.Record, o FreezeOrder) (frozen bool, err error) {
	all, err := d.Parts(ctx, rec)
	if err != nil {
		return false, err
	}
	if rec.State != campaign.Draft {
		if len(rec.Manifest) == 0 || rec.State == campaign.Cancelled && rec.Plan.Fingerprint == "" {
			return false, fmt.Errorf("cannot launch %s: it is %s: %w", rec.ID, rec.State, campaign.ErrNotAllowed)
		}
		if o.Paused != (rec.Stands != "") {
			return false, fmt.Errorf("cannot launch %s: %w", rec.ID, ErrLaunchedOtherwise)
		}
		if rec.State == campaign.Importing { // whoever launched it may have been killed before all was done
			if err := d.campaigns.ImportDue(ctx, rec.ID); err != nil {
				return false, err
			}
		}
		return false, o.check(all)
	}
	if err := o.check(all); err != nil {
		return false, err
	}
	manifest, err := parts.Manifest(all)
	if err != nil {
		return false, &InvalidError{err}
	}
	if err := d.parts.Complete(ctx, rec.ID, all); err != nil {
		return false, invalidPart(err)
	}
	p, err := d.prepareComposed(ctx, rec, all, o)
	if err != nil {
		return false, err
	}
	defer p.Close()
	if err := p.preflight(ctx); err != nil {
		return false, err
	}
	stands := ""
	if o.Paused {
		stands = d.actor.String()
	}
	if err := d.campaigns.Freeze(ctx, rec, manifest, stands); err != nil {
		return false, err
	}
	return true, nil
}

func invalidPart(err error) error {
	if wrong := new(parts.InvalidError); errors.As(err, &wrong) {
		return &InvalidError{wrong}
	}
	return err
}

// prepareComposed opens the list that a campaign's parts are, and reads its header.
// It is to be closed.
func (d *Desk) prepareComposed(ctx context.Context, rec *campaign.Record, all []parts.Part, o FreezeOrder) (*Prepared, error) {
	f, err := rec.Given()
	if err != nil {
		return nil, &InvalidError{err}
	}
	columns, err := f.Columns()
	if err != nil {
		return nil, &InvalidError{err}
	}
	order := Order{Name: composedName, composed: f, SkipPreflight: o.SkipPreflight, Warn: o.Warn}
	needed := []string{f.Recipients.Phone}
	for _, c := range columns {
		needed = append(needed, c.Name)
	}
	if len(all) > 0 && all[0].Media == parts.NDJSON {
		order.encoding = "utf-8" // whatever the campaign says: JSON is
	}
	f.Recipients.File = "the list"
	order.input = d.parts.Open(ctx, rec.ID, all, needed)
	p, err := d.prepare(order)
	if err != nil {
		order.input.Close()
		return nil, &InvalidError{err}
	}
	return p, nil
}

// A DraftPlan is a Plan of a list in parts.
type DraftPlan struct {
	Plan
	Warnings []string
	Parts    []parts.Part
}

// PlanDraft reads a draft's list to its end and says what launching it would do, the
// suppressed counted. A list of nobody has a plan and an error.
func (d *Desk) PlanDraft(ctx context.Context, rec *campaign.Record, skipPreflight bool) (*DraftPlan, error) {
	all, err := d.Parts(ctx, rec)
	if err != nil {
		return nil, err
	}
	if _, err := parts.Manifest(all); err != nil {
		return nil, &InvalidError{err}
	}
	if err := d.parts.Complete(ctx, rec.ID, all); err != nil {
		return nil, invalidPart(err)
	}
	out := &DraftPlan{Parts: all, Warnings: []string{}}
	p, err := d.prepareComposed(ctx, rec, all, FreezeOrder{SkipPreflight: skipPreflight, Warn: func(w string) { out.Warnings = append(out.Warnings, w) }})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	im, err := d.counting(ctx, p)
	if err != nil {
		return nil, err
	}
	counts, err := im.Count(ctx, p.reader)
	if err != nil {
		return nil, p.inputError(err)
	}
	p.counted(counts)
	if counts.Recipients > 0 {
		if c := toSend(p.file, counts.Recipients, p.shape.note()); !unknowable(c) {
			p.plan.EndsAt = estimate.Ends(d.now(), limitsOf(p.sender), []estimate.Campaign{c})[0]
		}
	}
	out.Plan = p.plan
	return out, nil
}

// Seconds is how long a plan takes from now on; 0 where that is not known.
func (p *Plan) Seconds(now time.Time) int {
	if p.EndsAt.IsZero() {
		return 0
	}
	return max(int(p.EndsAt.Sub(now).Seconds()+0.5), 0)
}

// A Trouble is why a list cannot be imported.
type Trouble struct {
	Part   int    `json:"part,omitempty"`
	Line   int    `json:"line,omitempty"`
	Detail string `json:"detail"`
}

// Troubles are what is wrong with a list, without a text of its rows.
func Troubles(err error, all []parts.Part) []Trouble {
	found := troubles(err, all)
	for i := range found { // what a stranger named a column may be a number
		found[i].Detail = phone.Hide(found[i].Detail)
	}
	return found
}

func troubles(err error, all []parts.Part) []Trouble {
	var wrong *parts.InvalidError
	var nobody *batch.NobodyError
	switch {
	case errors.As(err, &wrong):
		return []Trouble{{Part: wrong.Part, Line: wrong.Line, Detail: wrong.Text}}
	case errors.As(err, &nobody) && len(nobody.Reasons) > 0:
		var found []Trouble
		for _, r := range nobody.Reasons {
			for _, line := range r.Lines {
				n, of := parts.At(all, line)
				found = append(found, Trouble{Part: n, Line: of, Detail: r.Reason})
			}
		}
		return append([]Trouble{{Detail: fmt.Sprintf("nobody to send to: all %d rows are invalid", nobody.Rows)}}, found...)
	}
	return []Trouble{{Detail: err.Error()}}
}

// PrepareRecord opens the list of a composed campaign for a Preview or a Test, as it
// is in its parts. Of one that was imported they are gone: parts.ErrNotFound.
func (d *Desk) PrepareRecord(ctx context.Context, rec *campaign.Record, skipPreflight bool) (*Prepared, error) {
	all, err := d.Parts(ctx, rec)
	if err != nil {
		return nil, err
	}
	if rec.State != campaign.Draft && rec.State != campaign.Importing {
		return nil, fmt.Errorf("the parts of %s: %w", rec.ID, parts.ErrNotFound)
	}
	if _, err := parts.Manifest(all); err != nil {
		return nil, &InvalidError{err}
	}
	if err := d.parts.Complete(ctx, rec.ID, all); err != nil {
		return nil, invalidPart(err)
	}
	p, err := d.prepareComposed(ctx, rec, all, FreezeOrder{SkipPreflight: skipPreflight})
	if err != nil {
		return nil, err
	}
	p.order.Text = rec.Raw // a test's own record has it
	return p, nil
}
