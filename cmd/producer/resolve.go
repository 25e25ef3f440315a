package main

import (
	"errors"
	"fmt"

	"sluice/internal/desk"
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
	r, err := a.desk.Resolve(a.ctx, c.ID, choice)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s: %d recipients in doubt resolved to %s", c.ID, r.Recipients, choice)
	if err == nil && r.Requeued > 0 {
		_, err = fmt.Fprintf(a.out, "; %d batches enqueued again", r.Requeued)
	}
	if err == nil {
		_, err = fmt.Fprintln(a.out)
	}
	return err
}

type verifyCommand struct {
	ID string `arg:"" help:"The campaign."`
}

// Run replays every journal of a campaign and compares all that is known of it.
func (c *verifyCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	found, err := a.desk.Verify(a.ctx, c.ID, func(p ledger.Problem) { fmt.Fprintln(a.out, p) })
	switch {
	case errors.Is(err, desk.ErrExpired):
		_, err = fmt.Fprintf(a.out, "%s: its rows have expired, and there is nothing left to compare\n", c.ID)
		return err
	case err != nil:
		return err
	case found.Wrong > 0:
		return fmt.Errorf("%s: %d disagreements that cannot be repaired", c.ID, found.Wrong)
	}
	_, err = fmt.Fprintf(a.out, "%s: plan, ledger and queue agree, %d repaired\n", c.ID, found.Repaired)
	return err
}
