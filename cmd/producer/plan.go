package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/batch"
	"sluice/internal/desk"
	"sluice/internal/phone"
	"sluice/internal/status"
)

// printPlan prints the plan: what will be sent, what will not and why, and how
// long it takes at the sender's limit.
func printPlan(w io.Writer, p *desk.Plan) error {
	out, plan := &printer{w: w}, p.Counts
	out.printf("plan for %s, by %s\n", p.ID, p.Sender)
	out.printf("  rows         %10d\n", plan.Rows)
	out.printf("  recipients   %10d\n", plan.Recipients)
	printPeople(out, p.People)
	out.printf("  invalid      %10d\n", plan.Invalid)
	printReasons(out, p)
	out.printf("  duplicate    %10d\n", plan.Duplicate)
	if p.Counted && !p.Asked {
		out.printf("  suppressed   asked at the import\n")
	} else {
		out.printf("  suppressed   %10d\n", plan.Suppressed)
	}
	if p.Folded > 0 {
		out.printf("  folded       %10d  line breaks, tabs and runs of spaces in their values are one space\n", p.Folded)
	}
	out.printf("  batches      %10d\n", plan.Tasks)
	if p.Template != "" {
		out.printf("  template     %s\n", p.Template)
	}
	if p.Limit > 0 {
		out.printf("  limit        %10g messages a second\n", p.Limit)
	}
	if p.LateStart {
		out.printf("  start_at     has passed already: it begins at once\n")
	}
	if !p.EndsAt.IsZero() && plan.Recipients > 0 {
		beside := ""
		if p.Counted {
			beside = ", if no other campaign of this sender runs"
		}
		out.printf("  ends at      %s%s\n", atText(p.EndsAt), beside)
	}
	return out.err
}

// mostCountries is how many countries a plan names, those of most recipients.
const mostCountries = 15

// printPeople shows where the recipients are, so that a wrong default country is
// seen, and how their numbers were read.
func printPeople(out *printer, p batch.People) {
	countries := slices.Collect(maps.Keys(p.Countries))
	slices.SortFunc(countries, func(a, b string) int {
		return cmp.Or(cmp.Compare(p.Countries[b], p.Countries[a]), cmp.Compare(a, b))
	})
	rest := 0
	for i, country := range countries {
		if i >= mostCountries {
			rest += p.Countries[country]
			continue
		}
		out.printf("    in %-7s %10d\n", country, p.Countries[country])
	}
	if rest > 0 {
		out.printf("    elsewhere  %10d, in %d more countries\n", rest, len(countries)-mostCountries)
	}
	out.printf("    numbers    %10d with + or 00, %d read as national, %d as full\n", p.Plus, p.National, p.Full)
	if p.Ambiguous == 0 {
		return
	}
	how := "each was read as " + string(p.Read) + "; see recipients.numbers"
	if p.Read == phone.Mixed {
		how = "none was read; set recipients.numbers"
	}
	out.printf("    ambiguous  %10d rows have a number that is valid as national and as full: %s\n", p.Ambiguous, how)
}

// printReasons shows why rows are invalid, and where the first ones are.
func printReasons(out *printer, p *desk.Plan) {
	hidden := false
	for _, r := range p.Reasons {
		lines := make([]string, len(r.Lines))
		for i, line := range r.Lines {
			lines[i] = strconv.Itoa(line)
		}
		word, more := "lines", ""
		if len(r.Lines) == 1 {
			word = "line"
		}
		if r.Rows > len(r.Lines) {
			more, hidden = fmt.Sprintf(" and %d more", r.Rows-len(r.Lines)), true
		}
		out.printf("    %d: %s (%s %s%s)\n", r.Rows, r.Reason, word, strings.Join(lines, ", "), more)
	}
	if hidden && !p.Counted {
		out.printf("    `producer export %s --states invalid` lists them\n", p.ID)
	}
}

// A dryStatus is a dry run's plan in the form of a campaign's account. Its
// suppressed is null where no Redis could be asked.
type dryStatus struct {
	*status.Status
	Suppressed *int           `json:"suppressed"`
	People     people         `json:"people"`
	Reasons    []batch.Reason `json:"reasons"`
	Folded     int            `json:"folded"`
}

// people is batch.People in JSON.
type people struct {
	Countries map[string]int `json:"countries"`
	Plus      int            `json:"plus"`
	National  int            `json:"national"`
	Full      int            `json:"full"`
	Ambiguous int            `json:"ambiguous"`
	Read      phone.Numbers  `json:"read"`
}

func planStatus(p *desk.Plan) dryStatus {
	plan := p.Counts
	var ends *time.Time
	if !p.EndsAt.IsZero() {
		ends = &p.EndsAt
	}
	var suppressed *int
	if p.Asked {
		suppressed = &plan.Suppressed
	}
	return dryStatus{Suppressed: suppressed, People: people(p.People), Reasons: append([]batch.Reason{}, p.Reasons...), Folded: p.Folded, Status: &status.Status{
		ID: p.ID, State: "dry-run", Sender: p.Sender,
		Rows: plan.Rows, Pending: plan.Recipients, Invalid: plan.Invalid, Duplicate: plan.Duplicate,
		Batches: plan.Batches, Codes: map[string]int{}, Holds: []status.Hold{}, Warnings: []status.Warning{},
		Pace: status.Pace{Limit: p.Limit, Factor: 1}, EndsAt: ends,
	}}
}
