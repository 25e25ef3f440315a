package desk

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// A ResolveOrder is a person's word on the recipients of a campaign that are in
// doubt.
type ResolveOrder struct {
	ID        string
	Decisions *Decisions    // for some of them; may be nil
	Others    ledger.Choice // for all others; 0 leaves them in doubt
	// Note is why, such as what the provider said: it stands in the audit with who said
	// so. No phone number stays in it.
	Note string
}

// MaxNote is how long a note may be, in characters.
const MaxNote = 400

// Resolved is what came of a Resolve.
type Resolved struct {
	Choices  map[ledger.Choice]int // how many recipients got which
	Unneeded int                   // decisions about nobody who was in doubt
	Requeued int                   // batches that were enqueued again
}

func (d *Desk) resolve(ctx context.Context, o ResolveOrder) (Resolved, error) {
	rec, err := d.withRows(ctx, o.ID)
	if err != nil {
		return Resolved{}, err
	}
	decide, unneeded := o.Decisions.decide(o.Others)
	n, err := d.ledger.ResolveEach(ctx, o.ID, decide)
	done := Resolved{Choices: n, Unneeded: unneeded()}
	if err != nil {
		return done, err
	}
	if len(rec.Final) > 0 && len(n) > 0 {
		if err := d.renewAccount(ctx, o.ID); err != nil {
			return done, err
		}
	}
	// Also where nobody was left in doubt: a run before may have ended before this.
	if !o.Decisions.has(ledger.Resend) && o.Others != ledger.Resend {
		return done, nil
	}
	done.Requeued, err = d.recovery().Requeue(ctx, o.ID)
	return done, err
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
