package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/progress"
	"sluice/internal/status"
)

const (
	// watchEvery is how often the live table is drawn anew.
	watchEvery = 500 * time.Millisecond
	// lineEvery is how often a line is written where there is no terminal.
	lineEvery = 5 * time.Second
	// topCodes is how many codes it shows.
	topCodes = 5
)

// A sight is one look at a campaign and the pace since the look before.
type sight struct {
	*status.Status
	pace   float64 // settled rows a second
	colour progress.Colour
}

// watchLive draws a campaign's account anew until it is over, halted, or the
// command is interrupted; on a terminal in place, elsewhere a line now and then.
func (a *app) watchLive(id string) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var meter progress.Meter
	var lastLine time.Time
	drawn := 0
	for {
		st, err := a.desk.Status(a.ctx, id)
		if err != nil {
			return err
		}
		now := a.now()
		s := sight{Status: st, colour: progress.ColourOf(a.out, a.getenv), pace: meter.Add(now, st.Rows-st.Pending)}
		over := st.Over() || st.State == string(campaign.Halted)
		p := &printer{w: a.out}
		switch {
		case progress.IsTerminal(a.out):
			if drawn > 0 {
				p.printf("\033[%dA\033[J", drawn) // up and clear, to draw over it
			}
			text := s.table(a.desk.Meaning(st.Sender), progress.Columns(a.out)-1)
			drawn = strings.Count(text, "\n")
			p.printf("%s", text)
		case over || now.Sub(lastLine) >= lineEvery:
			lastLine = now
			p.printf("%s\n", s.line())
		}
		if p.err != nil || over {
			return p.err
		}
		select {
		case <-tick.C:
		case <-a.ctx.Done():
			return nil
		}
	}
}

func (s *sight) line() string { return progress.Text(lookAt(s.Status), s.pace) }

// table is the live table, in lines of so many letters: a terminal would break longer
// ones, and what is drawn over it would leave some of them standing. Below 1: of any
// length.
func (s *sight) table(meaning func(string) string, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", s.ID, s.colour.State(s.State))
	for _, h := range s.Holds {
		for _, line := range progress.Wrap(holdText(h), width) {
			fmt.Fprintf(&b, "\n%s", s.colour.Warn(line))
		}
	}
	b.WriteString("\n")
	head := b.String()
	b.Reset()
	k := lookAt(s.Status)
	fmt.Fprintf(&b, "%s %3.0f %%  %d of %d rows\n", progress.Bar(k.Part), 100*k.Part, k.Rows, k.Of)
	fmt.Fprintf(&b, "%d accepted, %d rejected, %d in doubt, %d pending\n", s.Accepted, s.Rejected, s.InDoubt, s.Pending)
	fmt.Fprintf(&b, "%.0f a second", s.pace)
	if s.Pace.Limit > 0 {
		fmt.Fprintf(&b, " of %g allowed", s.Pace.Limit*s.Pace.Factor)
	}
	if s.EndsAt != nil {
		fmt.Fprintf(&b, ", ends at %s", atText(*s.EndsAt))
	}
	if s.OwnTime != nil {
		fmt.Fprintf(&b, ", each recipient's own time: %s to %s", s.OwnTime.From, s.OwnTime.To)
	}
	b.WriteString("\n")
	codes := slices.SortedFunc(maps.Keys(s.Codes), func(x, y string) int { return s.Codes[y] - s.Codes[x] })
	for _, code := range codes[:min(topCodes, len(codes))] {
		fmt.Fprintf(&b, "  %-16s %8d  %s\n", code, s.Codes[code], meaning(code))
	}
	var lines strings.Builder
	for line := range strings.Lines(b.String()) {
		for _, line := range progress.Wrap(strings.TrimSuffix(line, "\n"), width) {
			lines.WriteString(line + "\n")
		}
	}
	return head + lines.String()
}
