package desk

import (
	"context"
	"fmt"

	"sluice/internal/ledger"
	"sluice/internal/receipt"
)

// Verified is what came of a Verify.
type Verified struct {
	Wrong    int // disagreements that cannot be repaired
	Repaired int
}

func (d *Desk) verify(ctx context.Context, id string, report func(ledger.Problem)) (Verified, error) {
	rec, err := d.withRows(ctx, id)
	if err != nil {
		return Verified{}, err
	}
	var found Verified
	count := func(p ledger.Problem) {
		if p.Repaired {
			found.Repaired++
		} else {
			found.Wrong++
		}
		report(p)
	}
	if err := d.ledger.Verify(ctx, id, count); err != nil {
		return found, err
	}
	totals, err := d.ledger.Totals(ctx, id)
	if err != nil {
		return found, err
	}
	if rec.Plan.Fingerprint != "" && totals.Rows != rec.Plan.Rows {
		count(ledger.Problem{Batch: -1, Text: fmt.Sprintf("the plan has %d rows and the ledger %d", rec.Plan.Rows, totals.Rows)})
	}
	if rec.Plan.Fingerprint != "" { // the import is complete
		built, err := d.index().Build(ctx, id)
		if err != nil {
			return found, err
		}
		if built > 0 {
			count(ledger.Problem{Batch: -1, Text: fmt.Sprintf("%d pages of its index of numbers were missing or not what its recipients say", built), Repaired: true})
		}
	}
	err = receipt.Verify(ctx, d.redis, d.now, id, func(p receipt.Problem) {
		count(ledger.Problem{Batch: p.Batch, Text: p.Text, Repaired: p.Repaired})
	})
	if err != nil {
		return found, err
	}
	requeued, err := d.recovery().Requeue(ctx, id)
	if err != nil {
		return found, err
	}
	if requeued > 0 {
		count(ledger.Problem{Batch: -1, Text: fmt.Sprintf("%d batches had nobody to send them and no task; they are enqueued again", requeued), Repaired: true})
	}
	return found, nil
}
