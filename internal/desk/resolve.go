package desk

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// Resolved is what came of a Resolve.
type Resolved struct {
	Recipients int // that were in doubt
	Requeued   int // batches that were enqueued again
}

// Resolve records a person's word on all recipients of a campaign that are in
// doubt, and has those sent again that are to be.
func (d *Desk) Resolve(ctx context.Context, id string, choice ledger.Choice) (Resolved, error) {
	rec, err := d.withRows(ctx, id)
	if err != nil {
		return Resolved{}, err
	}
	n, err := d.ledger.Resolve(ctx, id, choice)
	if err != nil {
		return Resolved{Recipients: n}, err
	}
	if len(rec.Final) > 0 && n > 0 {
		if err := d.renewAccount(ctx, id); err != nil {
			return Resolved{Recipients: n}, err
		}
	}
	if choice != ledger.Resend {
		return Resolved{Recipients: n}, nil
	}
	requeued, err := d.recovery().Requeue(ctx, id)
	return Resolved{Recipients: n, Requeued: requeued}, err
}

// renewAccount has what will be left of a retired campaign say what its rows do.
func (d *Desk) renewAccount(ctx context.Context, id string) error {
	totals, err := d.ledger.Totals(ctx, id)
	if err != nil {
		return err
	}
	account, err := json.Marshal(totals)
	if err != nil {
		return fmt.Errorf("keeping the account of %s: %w", id, err)
	}
	return d.campaigns.Account(ctx, id, account)
}

func (d *Desk) recovery() *jobs.Recovery {
	return &jobs.Recovery{Queue: d.queue, Ledger: d.ledger, Campaigns: d.campaigns}
}
