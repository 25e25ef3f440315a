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
	asJSON
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
	if c.JSON {
		return printJSON(a.out, resolved{ID: c.ID, Choice: c.InDoubt, Recipients: r.Recipients, Requeued: r.Requeued})
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

// A resolved is what came of it, in JSON.
type resolved struct {
	ID         string `json:"id"`
	Choice     string `json:"choice"`
	Recipients int    `json:"recipients"` // that were in doubt
	Requeued   int    `json:"requeued"`   // batches that were enqueued again
}

type verifyCommand struct {
	ID string `arg:"" help:"The campaign."`
	asJSON
}

// A verified is what came of a verify, in JSON.
type verified struct {
	ID       string    `json:"id"`
	Expired  bool      `json:"expired"`  // there is nothing left to compare
	Wrong    int       `json:"wrong"`    // disagreements that cannot be repaired
	Repaired int       `json:"repaired"` // disagreements that were
	Problems []problem `json:"problems"`
}

// A problem is one disagreement.
type problem struct {
	Batch    *int   `json:"batch"` // null: of none
	Text     string `json:"text"`
	Repaired bool   `json:"repaired"`
}

// Run replays every journal of a campaign and compares all that is known of it.
func (c *verifyCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	out := verified{ID: c.ID, Problems: []problem{}}
	found, err := a.desk.Verify(a.ctx, c.ID, func(p ledger.Problem) {
		if !c.JSON {
			fmt.Fprintln(a.out, p)
			return
		}
		one := problem{Text: p.Text, Repaired: p.Repaired}
		if p.Batch >= 0 {
			one.Batch = &p.Batch
		}
		out.Problems = append(out.Problems, one)
	})
	if c.JSON && (err == nil || errors.Is(err, desk.ErrExpired)) {
		out.Expired, out.Wrong, out.Repaired = err != nil, found.Wrong, found.Repaired
		if err := printJSON(a.out, out); err != nil {
			return err
		}
	}
	switch {
	case c.JSON && errors.Is(err, desk.ErrExpired), c.JSON && err == nil && found.Wrong == 0:
		return nil
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
