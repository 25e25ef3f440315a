package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/status"
)

const (
	// watchEvery is how often the live table is drawn anew.
	watchEvery = 500 * time.Millisecond
	// topCodes is how many codes it shows.
	topCodes = 5
	barWidth = 40
)

// A sight is one look at a campaign and the pace since the look before.
type sight struct {
	*status.Status
	pace float64 // settled rows a second
}

// watchLive draws a campaign's account anew until it is over, halted, or the
// command is interrupted; on a terminal in place, elsewhere a line now and then.
func (a *app) watchLive(id string) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var before *status.Status
	var at, lastLine time.Time
	drawn := 0
	for {
		st, err := a.desk.Status(a.ctx, id)
		if err != nil {
			return err
		}
		s := sight{Status: st}
		now := a.now()
		if before != nil {
			s.pace = max(0, float64(before.Pending-st.Pending)/now.Sub(at).Seconds())
		}
		before, at = st, now
		over := st.Over() || st.State == string(campaign.Halted)
		p := &printer{w: a.out}
		switch {
		case isTerminal(a.out):
			if drawn > 0 {
				p.printf("\033[%dA\033[J", drawn) // up and clear, to draw over it
			}
			text := s.table(a.desk.Meaning(st.Sender))
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

func (s *sight) line() string {
	return fmt.Sprintf("%s %s: %d of %d rows, %d accepted, %d rejected, %d in doubt, %.0f a second%s",
		s.ID, s.State, s.Rows-s.Pending, s.Rows, s.Accepted, s.Rejected, s.InDoubt, s.pace, holdsText(s.Status))
}

// table is the live table.
func (s *sight) table(meaning func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", s.ID, s.State)
	for _, h := range s.Holds {
		fmt.Fprintf(&b, "\n%s", holdText(h))
	}
	settled := s.Rows - s.Pending
	full := barWidth * settled / max(1, s.Rows)
	fmt.Fprintf(&b, "\n[%s%s] %d of %d rows\n", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), settled, s.Rows)
	fmt.Fprintf(&b, "accepted %d, rejected %d, in doubt %d, pending %d\n", s.Accepted, s.Rejected, s.InDoubt, s.Pending)
	fmt.Fprintf(&b, "pace %.0f a second", s.pace)
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
	return b.String()
}
