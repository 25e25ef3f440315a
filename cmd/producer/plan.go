package main

import (
	"io"
	"time"

	"sluice/internal/desk"
	"sluice/internal/status"
)

// printPlan prints the plan: what will be sent, what will not and why, and how
// long it takes at the sender's limit.
func printPlan(w io.Writer, p *desk.Plan) error {
	out, plan := &printer{w: w}, p.Counts
	out.printf("plan for %s, by %s\n", p.ID, p.Sender)
	out.printf("  rows         %10d\n", plan.Rows)
	out.printf("  recipients   %10d\n", plan.Recipients)
	out.printf("  invalid      %10d\n", plan.Invalid)
	for _, row := range p.Invalid {
		out.printf("    line %d: %s\n", row.Line, row.Reason)
	}
	switch more := plan.Invalid - len(p.Invalid); {
	case more > 0 && p.Counted:
		out.printf("    and %d more\n", more)
	case more > 0:
		out.printf("    and %d more; `producer export %s --states invalid` lists them\n", more, p.ID)
	}
	out.printf("  duplicate    %10d\n", plan.Duplicate)
	if p.Counted {
		out.printf("  suppressed   asked at the import\n")
	} else {
		out.printf("  suppressed   %10d\n", plan.Suppressed)
	}
	out.printf("  batches      %10d\n", plan.Tasks)
	if p.Template != "" {
		out.printf("  template     %s\n", p.Template)
	}
	if p.Limit > 0 {
		took := time.Duration(float64(plan.Recipients) / p.Limit * float64(time.Second)).Round(time.Second)
		out.printf("  time         %10s at %g messages a second\n", took, p.Limit)
	}
	return out.err
}

// A dryStatus is a dry run's plan in the form of a campaign's account. Its
// suppressed is null: the list is asked at the import.
type dryStatus struct {
	*status.Status
	Suppressed *int `json:"suppressed"`
}

func planStatus(p *desk.Plan) dryStatus {
	plan := p.Counts
	return dryStatus{Status: &status.Status{
		ID: p.ID, State: "dry-run", Sender: p.Sender,
		Rows: plan.Rows, Pending: plan.Recipients, Invalid: plan.Invalid, Duplicate: plan.Duplicate,
		Batches: plan.Batches, Codes: map[string]int{},
		Pace: status.Pace{Limit: p.Limit, Factor: 1},
	}}
}
