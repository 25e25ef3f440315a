package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/internal/desk"
	"sluice/internal/ledger"
)

type resolveCommand struct {
	ID      string `arg:"" help:"The campaign."`
	InDoubt string `enum:",resend,accept,reject" default:"" help:"What the provider says of the recipients in doubt: resend (it did not take them: send again), accept (it took them), reject (leave them unsent). With --file: of all whom the file does not name." placeholder:"CHOICE"`
	Note    string `help:"Why, such as what the provider answered: kept in the audit, with who said so." placeholder:"TEXT"`
	File    string `help:"A CSV file with the column row or phone, and choice: a word for each, such as an export with such a column; - is standard input." placeholder:"FILE"`
	asJSON
}

// Run records a person's word on what is in doubt.
func (c *resolveCommand) Run(a *app) error {
	if c.InDoubt == "" && c.File == "" {
		return &usageError{errors.New("--in-doubt or --file: say what is to become of the recipients in doubt")}
	}
	order := desk.ResolveOrder{ID: c.ID, Note: c.Note}
	var err error
	if c.InDoubt != "" {
		if order.Others, err = ledger.ParseChoice(c.InDoubt); err != nil {
			return &usageError{fmt.Errorf("--in-doubt: %w", err)}
		}
	}
	if c.File != "" {
		if order.Decisions, err = desk.ReadDecisions(c.File, a.in); err != nil {
			return err
		}
	}
	if err := a.connect(); err != nil {
		return err
	}
	r, err := a.desk.Resolve(a.ctx, order)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, resolvedJSON(c.ID, c.InDoubt, r))
	}
	return printResolved(a.out, c.ID, order.Others, r)
}

// A resolved is what came of it, in JSON.
type resolved struct {
	ID         string         `json:"id"`
	Choice     string         `json:"choice"`     // for all, or for whom the file does not name; empty: none
	Recipients int            `json:"recipients"` // that were in doubt and are no longer
	Choices    map[string]int `json:"choices"`    // of them, by choice
	Unneeded   int            `json:"unneeded"`   // decisions about nobody who was in doubt
	Requeued   int            `json:"requeued"`   // batches that were enqueued again
}

func resolvedJSON(id, choice string, r desk.Resolved) resolved {
	out := resolved{ID: id, Choice: choice, Choices: map[string]int{}, Unneeded: r.Unneeded, Requeued: r.Requeued}
	for c, n := range r.Choices {
		out.Choices[c.String()] = n
		out.Recipients += n
	}
	return out
}

// printResolved says how many were resolved to what.
func printResolved(w io.Writer, id string, others ledger.Choice, r desk.Resolved) error {
	var parts []string
	for choice := ledger.Accept; choice <= ledger.Resend; choice++ {
		if n := r.Choices[choice]; n > 0 || choice == others {
			parts = append(parts, fmt.Sprintf("%d recipients in doubt resolved to %s", n, choice))
		}
	}
	if r.Unneeded > 0 {
		parts = append(parts, fmt.Sprintf("%d decisions are about nobody who was in doubt", r.Unneeded))
	}
	if r.Requeued > 0 {
		parts = append(parts, fmt.Sprintf("%d batches enqueued again", r.Requeued))
	}
	if len(parts) == 0 {
		parts = []string{"nobody was in doubt"}
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", id, strings.Join(parts, "; "))
	return err
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
