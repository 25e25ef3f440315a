package desk

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/campaign"
	"sluice/internal/parts"
)

// composedName is what errors call the text of a composed campaign.
const composedName = "campaign"

var errUnknownSender = errors.New("there is no such sender for this token")

// Compose reads and checks a campaign whose list comes in parts: the campaign file's
// text, in YAML or JSON, without a list. Whom knows leaves out is no sender. Nothing is
// written. Each error of it is an *InvalidError.
func (d *Desk) Compose(text []byte, labels map[string]string, callback []byte, knows func(sender string) bool) (*campaign.Given, error) {
	f, err := campaign.ParseComposed((&bySender{desk: d, knows: knows}).rules(), text, composedName)
	if err != nil {
		return nil, &InvalidError{err}
	}
	return &campaign.Given{File: f, Raw: text, Labels: labels, Callback: callback}, nil
}

func (d *Desk) draft(ctx context.Context, g *campaign.Given) (rec *campaign.Record, made bool, err error) {
	return d.campaigns.CreateDraft(ctx, g)
}

func (d *Desk) redraft(ctx context.Context, etag string, g *campaign.Given) (*campaign.Record, error) {
	if err := d.campaigns.ReplaceDraft(ctx, etag, g); err != nil {
		return nil, err
	}
	return d.campaigns.Get(ctx, g.File.ID)
}

func (d *Desk) discard(ctx context.Context, id string) error {
	all, err := d.parts.List(ctx, id)
	if err != nil {
		return err
	}
	if err := d.campaigns.Discard(ctx, id); err != nil {
		return err
	}
	return d.parts.DeleteAll(ctx, id, all)
}

// Record is a campaign's record, or campaign.ErrNotFound.
func (d *Desk) Record(ctx context.Context, id string) (*campaign.Record, error) {
	return d.campaigns.Get(ctx, id)
}

func (d *Desk) putPart(ctx context.Context, rec *campaign.Record, part parts.Delivery) (parts.Part, bool, error) {
	part.Lasts = campaign.DraftLasts
	if rec.State == campaign.Draft {
		p, kept, err := d.parts.Put(ctx, rec.ID, part)
		if !errors.Is(err, parts.ErrNotDraft) {
			return p, kept, err
		}
		// It was launched meanwhile, and its body has been read.
		return p, false, notDraft(rec.ID)
	}
	frozen, err := parts.ParseManifest(rec.Manifest)
	if err != nil {
		return parts.Part{}, false, err
	}
	p, err := parts.Compare(frozen, part)
	if errors.Is(err, parts.ErrNotDraft) {
		err = notDraft(rec.ID)
	}
	return p, false, err
}

func notDraft(id string) error {
	return fmt.Errorf("%s is no draft any more, so that its list cannot change: %w", id, campaign.ErrNotAllowed)
}

// Parts are the parts of a campaign's list: those of a draft, or those that were
// frozen.
func (d *Desk) Parts(ctx context.Context, rec *campaign.Record) ([]parts.Part, error) {
	if rec.State == campaign.Draft {
		return d.parts.List(ctx, rec.ID)
	}
	return parts.ParseManifest(rec.Manifest)
}

func (d *Desk) deletePart(ctx context.Context, id string, n int) (bool, error) {
	gone, err := d.parts.Delete(ctx, id, n)
	if errors.Is(err, parts.ErrNotDraft) {
		err = notDraft(id)
	}
	return gone, err
}
