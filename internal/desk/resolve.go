package desk

import (
	"context"

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
	if _, err := d.withRows(ctx, id); err != nil {
		return Resolved{}, err
	}
	n, err := d.ledger.Resolve(ctx, id, choice)
	if err != nil || choice != ledger.Resend {
		return Resolved{Recipients: n}, err
	}
	requeued, err := d.recovery().Requeue(ctx, id)
	return Resolved{Recipients: n, Requeued: requeued}, err
}

func (d *Desk) recovery() *jobs.Recovery {
	return &jobs.Recovery{Queue: d.queue, Ledger: d.ledger, Campaigns: d.campaigns}
}
