package desk

import (
	"context"
	"errors"

	"sluice/internal/audience"
)

// others are other campaigns as an import asks them.
type others struct {
	bar     func(ctx context.Context, phones []string) ([]string, error)
	version string // how they were before they were read
}

// others reads the campaigns that an order's list names, before anything of it is
// written; nil where it names none, or there is nothing to import any more. One that
// cannot be read is an *InvalidError.
func (d *Desk) others(ctx context.Context, p *Prepared, imported bool) (*others, error) {
	if imported {
		return nil, nil //nolint:nilnil // as is said above
	}
	a, err := audience.New(audience.Options{Ledger: d.ledger, Campaigns: d.campaigns, Index: d.index(), Now: d.now}, p.file.Recipients)
	if err != nil || a == nil {
		return nil, err
	}
	version, err := a.Version(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Load(ctx); errors.Is(err, audience.ErrUnknowable) {
		return nil, invalid("%s: recipients.only, recipients.except: %w", p.order.Name, err)
	} else if err != nil {
		return nil, err
	}
	return &others{bar: a.Bar, version: version}, nil
}
