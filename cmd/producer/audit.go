package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"sluice/internal/audit"
)

type auditCommand struct {
	Since    string `default:"720h" help:"From this time on, such as 2026-11-22T09:00:00-03:00, or the last so many hours, such as 24h." placeholder:"TIME"`
	Campaign string `help:"What was done to this campaign." placeholder:"ID"`
	Actor    string `help:"What this one did, as it is printed: such as cli:ana@desk, token:crm, or the name alone, or a token's id." placeholder:"NAME"`
	JSON     bool   `help:"Print one JSON object a line."`
}

// Run prints who did what, the newest first.
func (c *auditCommand) Run(a *app) error {
	q := audit.Query{Campaign: c.Campaign, Actor: c.Actor}
	if ago, err := time.ParseDuration(c.Since); err == nil && ago > 0 {
		q.Since = a.now().Add(-ago)
	} else if q.Since, err = time.Parse(time.RFC3339, c.Since); err != nil {
		return &usageError{fmt.Errorf("--since: %q is not a time with its zone such as 2026-11-22T09:00:00-03:00, nor how long ago such as 24h", c.Since)}
	}
	if err := a.connect(); err != nil {
		return err
	}
	t := tabwriter.NewWriter(shown(a.out), 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(t, "WHEN\tWHO\tACT\tCAMPAIGN\tSENDER\tOUTCOME\tDETAIL")
	}
	var failed error
	for more := true; more; {
		next, err := a.desk.Audit(a.ctx, q, func(e *audit.Entry) bool {
			if c.JSON {
				failed = printJSON(a.out, e)
			} else {
				_, failed = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", atText(e.At), e.Actor, e.Act, e.Campaign, e.Sender, e.Outcome, e.Detail)
			}
			return failed == nil
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
		q.After, more = next, next != ""
	}
	return t.Flush()
}
