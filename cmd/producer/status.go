package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/progress"
	"sluice/internal/status"
)

type statusCommand struct {
	ID   string `arg:"" optional:"" help:"The campaign; all of them if none is named."`
	JSON bool   `help:"Print one JSON object a campaign." xor:"how"`
	// Watch needs a campaign.
	Watch bool `help:"Show the campaign live until it is over." xor:"how"`
}

// Run prints the account of one campaign, or of each.
func (c *statusCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	if c.Watch {
		if c.ID == "" {
			return &usageError{errors.New("--watch: name the campaign to watch")}
		}
		return a.watchLive(c.ID)
	}
	print := func(st *status.Status) error {
		if c.JSON {
			return printJSON(a.out, st)
		}
		return printStatus(a.out, a.colour(), st, a.desk.Meaning(st.Sender))
	}
	if c.ID == "" {
		return a.desk.Statuses(a.ctx, print)
	}
	st, err := a.desk.Status(a.ctx, c.ID)
	if err != nil {
		return err
	}
	return print(st)
}

// holdText is what holds a campaign, for a person.
func holdText(h status.Hold) string {
	text := h.Text
	if h.Since != nil {
		text += " since " + atText(*h.Since)
	}
	if h.Until != nil {
		text += " until " + atText(*h.Until)
	}
	return text
}

// holdsText is what holds a campaign, in one line; empty if nothing does.
func holdsText(st *status.Status) string {
	var b strings.Builder
	for i, h := range st.Holds {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(holdText(h))
	}
	return b.String()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printStatus prints the account for a person, codes with their meaning.
func printStatus(w io.Writer, colour progress.Colour, st *status.Status, meaning func(string) string) error {
	p := &printer{w: w}
	p.printf("%s  %s\n", st.ID, colour.State(st.State))
	for _, h := range st.Holds {
		p.printf("  %s\n", colour.Warn(holdText(h)))
	}
	for _, w := range st.Warnings {
		p.printf("  %s\n", colour.Warn(fmt.Sprintf("the provider tells of the account: %s %s, at %s", w.What, w.Detail, atText(w.At))))
	}
	for _, line := range []struct {
		name string
		n    int
	}{
		{"pending", st.Pending},
		{"accepted", st.Accepted},
		{"rejected", st.Rejected},
		{"in doubt", st.InDoubt},
		{"invalid", st.Invalid},
		{"duplicate", st.Duplicate},
		{"suppressed", st.Suppressed},
		{"cancelled", st.Cancelled},
	} {
		p.printf("  %-12s %s\n", line.name, paint(colour, line.name, fmt.Sprintf("%10d", line.n), line.n))
	}
	p.printf("  %-12s %10d\n", "rows", st.Rows)
	if r := st.Receipts; r != nil && r.LastAt != nil {
		p.printf("  receipts     %d read, %d delivered, %d sent, %d undelivered, %d awaited; the last at %s\n",
			r.Read, r.Delivered, r.Sent, r.Undelivered, r.Awaiting, r.LastAt.Local().Format(time.DateTime))
	}
	p.printf("  batches      %d of %d done\n", st.BatchesDone, st.Batches)
	if st.Pace.Limit > 0 {
		p.printf("  pace         %g messages a second\n", st.Pace.Limit)
	}
	if st.Pace.DayLimitTold > 0 {
		p.printf("  day          %d messages in 24 hours at most, as the provider tells\n", st.Pace.DayLimitTold)
	}
	if st.OwnTime != nil {
		p.printf("  window       each recipient's own time: %s to %s\n", st.OwnTime.From, st.OwnTime.To)
	}
	if st.EndsAt != nil {
		p.printf("  ends at      %s, in about %s\n", atText(*st.EndsAt), time.Duration(*st.ETASeconds)*time.Second)
	}
	for _, code := range slices.SortedFunc(maps.Keys(st.Codes), func(a, b string) int { return st.Codes[b] - st.Codes[a] }) {
		p.printf("  code %-20s %8d  %s\n", code, st.Codes[code], meaning(code))
	}
	if r := st.Receipts; r != nil {
		for _, code := range slices.SortedFunc(maps.Keys(r.Codes), func(a, b string) int { return r.Codes[b] - r.Codes[a] }) {
			p.printf("  undelivered %-13s %8d  %s\n", code, r.Codes[code], meaning(code))
		}
	}
	return p.err
}

// paint paints a number of rows that went well, or that did not.
func paint(colour progress.Colour, name, text string, n int) string {
	switch {
	case n == 0:
	case name == "accepted":
		return colour.Good(text)
	case name == "rejected":
		return colour.Bad(text)
	case name == "in doubt":
		return colour.Warn(text)
	}
	return text
}

// A printer keeps the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
