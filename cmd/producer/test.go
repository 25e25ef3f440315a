package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/export"
	"sluice/internal/status"
)

type testCommand struct {
	Campaign   string   `arg:"" help:"The campaign file (YAML); - is standard input." placeholder:"CAMPAIGN.yaml"`
	To         string   `required:"" help:"The number to send to, with its country's code or of the campaign's default_country." placeholder:"NUMBER"`
	Row        int      `help:"The row of the list whose values the message has, the first one below the header being 1; the first recipient's if not given." placeholder:"N"`
	Recipients []string `sep:"none" help:"Read the recipients from this file instead of the campaign file's; - is standard input. Given again, the files are one list, in order." placeholder:"FILE"`
	Preflight  bool     `default:"true" negatable:"" help:"Hold the message against the account's templates first, where the provider can be asked."`
	JSON       bool     `help:"Print one JSON object."`
}

// A tested is what became of a test, as JSON has it.
type tested struct {
	ID string `json:"id"` // the test's own
	export.Row
}

// Run sends one message and says what became of it.
func (c *testCommand) Run(a *app) error {
	p, err := a.prepare(desk.Order{Name: c.Campaign, Lists: c.Recipients, SkipPreflight: !c.Preflight})
	if err != nil {
		return err
	}
	defer p.Close()
	if err := a.connect(); err != nil {
		return err
	}
	t, err := a.desk.Test(a.ctx, p, desk.TestOrder{To: c.To, Row: c.Row})
	if err != nil {
		if t != nil {
			err = errors.Join(err, a.drop(t.ID))
		}
		return hint(err)
	}
	st, err := a.watch(t.ID)
	if err != nil || !st.Over() {
		return a.unsent(t.ID, st, err)
	}
	row, err := a.desk.TestOutcome(a.ctx, t)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(a.out, tested{t.ID, *row})
	} else {
		err = printTested(&printer{w: shown(a.out)}, t.ID, row)
	}
	if err == nil && row.State != "accepted" {
		err = errNotAllAccepted
	}
	return err
}

// unsent ends a test that nobody waits for any longer, so that it is not sent some
// other day.
func (a *app) unsent(id string, st *status.Status, err error) error {
	if err == nil && st.State == string(campaign.Halted) {
		err = fmt.Errorf("the test was not sent: it %w: %s", errHalted, st.Reason)
	}
	return errors.Join(err, a.drop(id))
}

// dropWithin is how long that may take, once the command is interrupted.
const dropWithin = 5 * time.Second

func (a *app) drop(id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), dropWithin)
	defer cancel()
	if _, err := a.desk.Cancel(ctx, id); err != nil {
		return fmt.Errorf("the test could not be cancelled; `producer cancel %s` does it: %w", id, err)
	}
	return nil
}

func printTested(p *printer, id string, row *export.Row) error {
	p.printf("%s: row %d is %s", id, row.Row, row.State)
	for _, text := range []string{row.MessageID, row.Code, row.Message} {
		if text != "" {
			p.printf("  %s", text)
		}
	}
	p.printf("\n")
	return p.err
}
