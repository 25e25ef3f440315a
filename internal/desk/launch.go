package desk

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/suppress"
)

// Launched is what came of a Launch.
type Launched struct {
	Plan
	State campaign.State
	// StartAt is when a scheduled campaign begins.
	StartAt time.Time
	// Before says that an earlier run had imported the same campaign to its end:
	// this one changed nothing, and has no plan.
	Before bool
}

// ready refuses a campaign before anything is written, and says whom of its list
// other campaigns bar.
func (d *Desk) ready(ctx context.Context, p *Prepared) (*others, error) {
	imported, err := d.imported(ctx, p.file.ID)
	if err != nil {
		return nil, err
	}
	if !imported { // else there is nothing to do, whatever became of the template
		if err := p.preflight(ctx); err != nil {
			return nil, err
		}
	}
	others, err := d.others(ctx, p, imported)
	if err != nil {
		return nil, err
	}
	// Before anything is written: a list of nobody leaves its id free.
	p.read.begin("importing")
	if err := p.reader.Somebody(); err != nil {
		return nil, p.inputError(err)
	}
	return others, nil
}

func (d *Desk) launch(ctx context.Context, p *Prepared, others *others) (*Launched, error) {
	rec, err := d.campaigns.Create(ctx, p.order.Text, p.file)
	var settings *campaign.SettingsError
	switch {
	case errors.Is(err, campaign.ErrOtherCampaign), errors.Is(err, campaign.ErrDraft), errors.As(err, &settings):
		return nil, &InvalidError{err}
	case err != nil:
		return nil, err
	}
	im, err := d.importer(ctx, p.file, p.saw)
	if err != nil {
		return nil, err
	}
	if rec.State != campaign.Importing {
		return d.compare(ctx, p, im, rec)
	}
	if others != nil {
		im.Bar = others.bar
		if err := d.campaigns.NoteNamed(ctx, p.file.ID, others.version); err != nil {
			return nil, err
		}
	}
	counts, err := im.Run(ctx, p.file.ID, p.reader)
	if err != nil {
		return nil, errors.Join(p.inputError(err), d.withdraw(ctx, rec, err))
	}
	p.counted(counts)
	if err := d.campaigns.Note(ctx, p.file.ID, p.shape.note()); err != nil {
		return nil, err
	}
	// The window may have been set while the list was read.
	if err := d.noteZones(ctx, p.file.ID); err != nil {
		return nil, err
	}
	st, err := d.Status(ctx, p.file.ID)
	if err != nil {
		return nil, err
	}
	if st.EndsAt != nil {
		p.plan.EndsAt = *st.EndsAt
	}
	if rec, err = d.campaigns.Get(ctx, p.file.ID); err != nil {
		return nil, err
	}
	return &Launched{Plan: p.plan, State: rec.State, StartAt: rec.StartAt}, nil
}

// withdraw takes back all of a campaign whose list was refused in the middle of its
// import, for a reason of its own: nobody was sent to, and the id is free for the list
// as it is mended. Where another run is alive that has the import, it is that run's.
func (d *Desk) withdraw(ctx context.Context, rec *campaign.Record, why error) error {
	if !isRefused(why) || rec.Composed() || ctx.Err() != nil {
		return nil
	}
	generation, err := d.campaigns.ResumeImport(ctx, rec.ID)
	switch {
	case errors.Is(err, ledger.ErrNotImporting), err == nil && generation == 0:
		return nil
	case err != nil:
		return err
	}
	if err := d.ledger.Unstage(ctx, rec.ID, generation); err != nil {
		return err
	}
	_, err = d.campaigns.Withdraw(ctx, rec.ID, generation)
	return err
}

// freeFrom is how many rows a list has whose memory is given back when it was read.
const freeFrom = 200_000

// importer makes what imports a list, and asks the suppression list of it.
func (d *Desk) importer(ctx context.Context, f *campaign.File, saw func(*batch.Batch)) (*jobs.Import, error) {
	rows := 0
	im := &jobs.Import{Ledger: d.ledger, Campaigns: d.campaigns, Queue: d.queue}
	im.Saw = func(b *batch.Batch) {
		rows += len(b.Recipients) + len(b.Skipped)
		if saw != nil {
			saw(b)
		}
	}
	im.Index = func(ctx context.Context, id string) error {
		// The reader has let go of the numbers that it saw: the index takes their
		// place, and not room beside it. Of a short list that is not worth what it costs.
		if rows >= freeFrom {
			debug.FreeOSMemory()
		}
		_, err := d.index().Build(ctx, id)
		return err
	}
	list := d.suppressedFor(f)
	if version, err := list.Version(ctx); err != nil {
		return nil, err
	} else if version > 0 { // a list that was never used costs nothing
		im.Suppress = list.Contains
	}
	return im, nil
}

// suppressedFor is the list of those who get no message of a campaign.
func (d *Desk) suppressedFor(f *campaign.File) *suppress.List {
	list := suppress.New(d.redis)
	if f.Message.Marketing() {
		list = list.OptedOut(f.Sender)
	}
	return list
}

// imported says whether an earlier run has imported the campaign to its end.
func (d *Desk) imported(ctx context.Context, id string) (bool, error) {
	rec, err := d.campaigns.Get(ctx, id)
	if errors.Is(err, campaign.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return rec.State != campaign.Importing && rec.State != campaign.Draft, nil
}

// compare reads the input of a campaign that is imported already: the same one
// is nothing to do, another is refused.
func (d *Desk) compare(ctx context.Context, p *Prepared, im *jobs.Import, rec *campaign.Record) (*Launched, error) {
	p.read.begin("comparing")
	plan, err := im.Count(ctx, p.reader)
	if err != nil {
		return nil, p.inputError(err)
	}
	if plan.Fingerprint != rec.Plan.Fingerprint {
		return nil, p.inputError(ledger.ErrDiffers)
	}
	return &Launched{Plan: p.plan, State: rec.State, StartAt: rec.StartAt, Before: true}, nil
}
