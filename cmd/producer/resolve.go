package main

import (
	"errors"
	"fmt"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

type resolveCommand struct {
	ID      string `arg:"" help:"The campaign."`
	InDoubt string `required:"" enum:"resend,accept,reject" help:"What the provider says of the recipients in doubt: resend (it did not take them: send again), accept (it took them), reject (leave them unsent)." placeholder:"CHOICE"`
}

// Run records a person's word on what is in doubt.
func (c *resolveCommand) Run(a *app) error {
	choice, err := ledger.ParseChoice(c.InDoubt)
	if err != nil {
		return &usageError{fmt.Errorf("--in-doubt: %w", err)}
	}
	if err := a.connect(); err != nil {
		return err
	}
	if _, err := a.withRows(c.ID); err != nil {
		return err
	}
	n, err := a.ledger.Resolve(a.ctx, c.ID, choice)
	if err != nil {
		return err
	}
	requeued := 0
	if choice == ledger.Resend {
		if requeued, err = a.requeuer().Requeue(a.ctx, c.ID); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.out, "%s: %d recipients in doubt resolved to %s", c.ID, n, choice)
	if err == nil && requeued > 0 {
		_, err = fmt.Fprintf(a.out, "; %d batches enqueued again", requeued)
	}
	if err == nil {
		_, err = fmt.Fprintln(a.out)
	}
	return err
}

func (a *app) requeuer() *jobs.Requeuer {
	return &jobs.Requeuer{Redis: a.redis, Ledger: a.ledger, Campaigns: a.campaigns}
}

type verifyCommand struct {
	ID string `arg:"" help:"The campaign."`
}

// Run replays every journal of a campaign and compares all that is known of it.
func (c *verifyCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	rec, err := a.withRows(c.ID)
	if errors.Is(err, errExpired) {
		_, err = fmt.Fprintf(a.out, "%s: its rows have expired, and there is nothing left to compare\n", c.ID)
		return err
	}
	if err != nil {
		return err
	}
	wrong, repaired := 0, 0
	report := func(p ledger.Problem) {
		fmt.Fprintln(a.out, p)
		if p.Repaired {
			repaired++
		} else {
			wrong++
		}
	}
	if err := a.ledger.Verify(a.ctx, c.ID, report); err != nil {
		return err
	}
	totals, err := a.ledger.Totals(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if rec.Plan.Fingerprint != "" && totals.Rows != rec.Plan.Rows {
		report(ledger.Problem{Batch: -1, Text: fmt.Sprintf("the plan has %d rows and the ledger %d", rec.Plan.Rows, totals.Rows)})
	}
	requeued, err := a.requeuer().Requeue(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if requeued > 0 {
		report(ledger.Problem{Batch: -1, Text: fmt.Sprintf("%d batches had nobody to send them and no task; they are enqueued again", requeued), Repaired: true})
	}
	if wrong > 0 {
		return fmt.Errorf("%s: %d disagreements that cannot be repaired", c.ID, wrong)
	}
	_, err = fmt.Fprintf(a.out, "%s: plan, ledger and queue agree, %d repaired\n", c.ID, repaired)
	return err
}
