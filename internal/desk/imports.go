package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/parts"
)

// ImportsDue are the ids of the frozen campaigns whose import may be due.
func (d *Desk) ImportsDue(ctx context.Context) ([]string, error) { return d.campaigns.Frozen(ctx) }

// Import imports and launches a frozen campaign, where nobody else does. It may be
// killed at any moment: whoever imports it next goes on. A list that cannot be
// imported gives the campaign back as a draft, with its problems.
func (d *Desk) Import(ctx context.Context, id string) error {
	rec, err := d.campaigns.Get(ctx, id)
	if errors.Is(err, campaign.ErrNotFound) {
		return d.campaigns.Imported(ctx, id)
	}
	if err != nil {
		return err
	}
	all, err := parts.ParseManifest(rec.Manifest)
	if err != nil {
		return err
	}
	if rec.State == campaign.Importing {
		err := d.importParts(ctx, rec, all)
		switch {
		case errors.Is(err, jobs.ErrElsewhere):
			return nil
		case err != nil:
			return d.giveBack(ctx, id, all, err)
		}
	}
	if rec.State != campaign.Draft {
		if err := d.parts.DeleteAll(ctx, id, all); err != nil {
			return err
		}
	}
	return d.campaigns.Imported(ctx, id)
}

func (d *Desk) importParts(ctx context.Context, rec *campaign.Record, all []parts.Part) error {
	p, err := d.prepareComposed(ctx, rec, all, FreezeOrder{SkipPreflight: true})
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.reader.Somebody(); err != nil {
		return p.inputError(err)
	}
	im, err := d.importer(ctx, p.file, p.saw)
	if err != nil {
		return err
	}
	im.Idle = true
	others, err := d.others(ctx, p, false)
	if err != nil {
		return err
	}
	if others != nil {
		im.Bar = others.bar
		if err := d.campaigns.NoteNamed(ctx, rec.ID, others.version); err != nil {
			return err
		}
	}
	if _, err = im.Run(ctx, rec.ID, p.reader); err != nil {
		if errors.Is(err, jobs.ErrElsewhere) {
			return err
		}
		return p.inputError(err)
	}
	if err := d.campaigns.Note(ctx, rec.ID, p.shape.note()); err != nil {
		return err
	}
	// The window may have been set while the list was read.
	return d.noteZones(ctx, rec.ID)
}

// isRefused says that a list was refused as it was read.
func isRefused(err error) bool {
	return errors.Is(err, errChanged) || errors.Is(err, batch.ErrDamaged) || errors.Is(err, batch.ErrNotText) || errors.Is(err, batch.ErrNoEnd)
}

// isList says that an error is the list's own, and would come again.
func isList(err error) bool {
	return isRefused(err) || errors.As(err, new(*batch.NobodyError)) || errors.Is(err, parts.ErrNotFound) || errors.Is(err, ledger.ErrDiffers) ||
		errors.As(err, new(*InvalidError))
}

// giveBack makes a draft again of a campaign whose list cannot be imported. Any
// other failure is returned: the import is still due.
func (d *Desk) giveBack(ctx context.Context, id string, all []parts.Part, why error) error {
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return err
	}
	if rec.State != campaign.Importing { // cancelled, or launched by a run that was quicker
		return d.campaigns.Imported(ctx, id)
	}
	if !isList(why) || ctx.Err() != nil {
		return fmt.Errorf("importing %s: %w", id, why)
	}
	problems, err := json.Marshal(Troubles(why, all))
	if err != nil {
		panic(err) // plain structs always marshal
	}
	generation, err := d.campaigns.BeginImport(ctx, id)
	if err != nil {
		return err
	}
	if err := d.ledger.Unstage(ctx, id, generation); err != nil {
		return err
	}
	if _, err := d.campaigns.GiveBack(ctx, id, generation, problems); err != nil {
		return err
	}
	return d.campaigns.Imported(ctx, id)
}
