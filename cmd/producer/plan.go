package main

import (
	"io"
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/status"
)

// firstInvalid is how many invalid rows the plan names.
const firstInvalid = 5

// A planSeen remembers of the import what the plan shows beside its counts.
type planSeen struct {
	invalid   []batch.Skipped
	preflight string
	dry       bool // nothing is written, and Redis is not asked
}

func (p *planSeen) saw(b *batch.Batch) {
	for _, s := range b.Skipped {
		if s.Kind == batch.Invalid && len(p.invalid) < firstInvalid {
			p.invalid = append(p.invalid, s)
		}
	}
}

// print prints the plan: what will be sent, what will not and why, and how long
// it takes at the sender's limit.
func (p *planSeen) print(w io.Writer, s *shipment, plan campaign.Plan) error {
	out := &printer{w: w}
	out.printf("plan for %s, by %s\n", s.file.ID, s.file.Sender)
	out.printf("  rows         %10d\n", plan.Rows)
	out.printf("  recipients   %10d\n", plan.Recipients)
	out.printf("  invalid      %10d\n", plan.Invalid)
	for _, row := range p.invalid {
		out.printf("    line %d: %s\n", row.Line, row.Reason)
	}
	switch more := plan.Invalid - len(p.invalid); {
	case more > 0 && p.dry:
		out.printf("    and %d more\n", more)
	case more > 0:
		out.printf("    and %d more; `producer export %s --states invalid` lists them\n", more, s.file.ID)
	}
	out.printf("  duplicate    %10d\n", plan.Duplicate)
	if p.dry {
		out.printf("  suppressed   asked at the import\n")
	} else {
		out.printf("  suppressed   %10d\n", plan.Suppressed)
	}
	out.printf("  batches      %10d\n", plan.Tasks)
	if p.preflight != "" {
		out.printf("  template     %s\n", p.preflight)
	}
	if limit := s.limit(); limit > 0 {
		took := time.Duration(float64(plan.Recipients) / limit * float64(time.Second)).Round(time.Second)
		out.printf("  time         %10s at %g messages a second\n", took, limit)
	}
	return out.err
}

// limit is the lower of the sender's and the campaign's messages a second.
func (s *shipment) limit() float64 {
	limit, own := s.sender.Limits.MessagesPerSecond, s.file.Rate.MessagesPerSecond
	if limit == 0 || own > 0 && own < limit {
		return own
	}
	return limit
}

// A dryStatus is a dry run's plan in the form of a campaign's account. Its
// suppressed is null: the list is asked at the import.
type dryStatus struct {
	*status.Status
	Suppressed *int `json:"suppressed"`
}

func planStatus(s *shipment, plan campaign.Plan) dryStatus {
	return dryStatus{Status: &status.Status{
		ID: s.file.ID, State: "dry-run", Sender: s.file.Sender,
		Rows: plan.Rows, Pending: plan.Recipients, Invalid: plan.Invalid, Duplicate: plan.Duplicate,
		Batches: plan.Batches, Codes: map[string]int{},
		Pace: status.Pace{Limit: s.limit(), Factor: 1},
	}}
}
