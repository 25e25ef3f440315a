// Package estimate says when the campaigns of one sender will have been sent. It
// is pure, and counts whatever holds a campaign back: messages and requests a
// second, a campaign's own rate, its share beside the others, the messages of 24
// hours, windows of the day and starts. It knows of no throttling or outage to
// come, so the truth is never earlier by more than what is not sent after all.
package estimate

import (
	"math"
	"slices"
	"time"

	"sluice/internal/campaign"
)

const (
	day = 24 * time.Hour
	// bucket is the time whose messages the count of 24 hours adds up as one.
	bucket = 10 * time.Minute
	// horizon is how far ahead it looks.
	horizon = 400 * day
	// crumb is how much of a message is none: what is left over by rounding.
	crumb = 1e-6
)

// A Sender is what holds all its campaigns back together.
type Sender struct {
	Messages, Requests float64 // a second; 0: no limit
	Day                int     // messages in any 24 hours; 0: no limit
	// Used are the messages of the last 24 hours.
	Used []Used
	// Until is when the sender goes on, where it waits for a time.
	Until time.Time
}

// Used are messages that have been sent; they count until To is 24 hours ago.
type Used struct {
	To time.Time
	N  int
}

// A Campaign is what is left of one, and what holds it back.
type Campaign struct {
	Start      time.Time // not before
	Weight     int       // among those of the sender
	Rate       float64   // its own messages a second; 0: none
	PerRequest float64   // messages that one request carries; 1 if less
	Window     *campaign.Window
	// Zones are those who are left by their time zone. Where the window is not each
	// recipient's own, the zone says nothing.
	Zones map[string]int
}

// Ends are when each of the sender's campaigns will have been sent; zero where
// that is not to be known, for there is no limit to go by, or later than in 400
// days.
func Ends(now time.Time, s Sender, campaigns []Campaign) []time.Time {
	r := newRun(now, s, campaigns)
	for r.left() && r.now.Before(now.Add(horizon)) {
		if !r.step() {
			break
		}
	}
	return r.ends
}

// A run is a simulation from event to event; between two all rates stay.
type run struct {
	sender Sender
	all    []*sending
	now    time.Time
	ends   []time.Time
	used   []Used // in order
	// fraction is what was sent of a message that used does not count yet.
	fraction float64
}

// A sending is a campaign under way.
type sending struct {
	Campaign
	at    int // of its end in ends
	parts []*part
	rate  float64
}

// A part are the recipients of a campaign that share a window.
type part struct {
	left   float64
	window *campaign.Window
	zone   *time.Location
	open   bool
	until  time.Time // as long as that stays; zero: for ever
}

func newRun(now time.Time, s Sender, campaigns []Campaign) *run {
	r := &run{sender: s, now: now, ends: make([]time.Time, len(campaigns)), used: slices.Clone(s.Used)}
	slices.SortFunc(r.used, func(a, b Used) int { return a.To.Compare(b.To) })
	if s.Until.After(now) {
		r.now = s.Until
	}
	for i, c := range campaigns {
		one := &sending{Campaign: c, at: i}
		for name, n := range c.Zones {
			if n > 0 {
				one.parts = append(one.parts, &part{left: float64(n), window: c.Window, zone: zoneOf(c.Window, name)})
			}
		}
		switch {
		case len(one.parts) == 0:
			r.ends[i] = now
			continue
		case s.Messages == 0 && s.Requests == 0 && c.Rate == 0:
			continue // without a limit nobody knows
		}
		r.all = append(r.all, one)
	}
	return r
}

// zoneOf is the zone by whose clock a window opens.
func zoneOf(w *campaign.Window, recipient string) *time.Location {
	if w == nil {
		return time.UTC
	}
	name := w.Timezone
	if name == campaign.RecipientZone {
		name = recipient
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func (r *run) left() bool { return len(r.all) > 0 }

// step goes on to the next event, and says whether there is any.
func (r *run) step() bool {
	next := r.look()
	r.share()
	total := 0.0
	for _, c := range r.all {
		total += c.rate
	}
	if r.sender.Day > 0 {
		total, next = r.day(total, next)
	}
	for _, c := range r.all {
		for _, p := range c.parts {
			if rate := c.partRate(p); rate > 0 {
				next = sooner(next, r.now.Add(seconds(p.left/rate)))
			}
		}
	}
	if next.IsZero() {
		return false
	}
	r.advance(next, total)
	return true
}

// look looks at windows and starts, and says when the first of them changes.
func (r *run) look() (next time.Time) {
	for _, c := range r.all {
		if c.Start.After(r.now) {
			next = sooner(next, c.Start)
		}
		for _, p := range c.parts {
			if p.until.IsZero() && p.window == nil {
				p.open = true
				continue
			}
			if !p.until.After(r.now) {
				p.look(r.now)
			}
			next = sooner(next, p.until)
		}
	}
	return next
}

func (p *part) look(now time.Time) {
	if opens := p.window.Opens(now, p.zone); opens.After(now) {
		p.open, p.until = false, opens
		return
	}
	p.open, p.until = true, p.window.Closes(now, p.zone)
}

// advance sends for as long as until next.
func (r *run) advance(next time.Time, total float64) {
	took := next.Sub(r.now).Seconds()
	for _, c := range r.all {
		rates := make([]float64, len(c.parts))
		for i, p := range c.parts {
			rates[i] = c.partRate(p)
		}
		for i, p := range c.parts {
			p.left -= rates[i] * took
		}
		c.parts = slices.DeleteFunc(c.parts, func(p *part) bool { return p.left <= crumb })
		if len(c.parts) == 0 {
			r.ends[c.at] = next
		}
	}
	r.all = slices.DeleteFunc(r.all, func(c *sending) bool { return len(c.parts) == 0 })
	if r.sender.Day > 0 && total > 0 {
		r.use(next, total*took)
	}
	r.now = next
}

// partRate is a part's share of its campaign's rate: recipients go out in the
// order of the list, in which the parts are mixed.
func (c *sending) partRate(p *part) float64 {
	if !p.open || c.rate == 0 {
		return 0
	}
	open := 0.0
	for _, o := range c.parts {
		if o.open {
			open += o.left
		}
	}
	return c.rate * p.left / open
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// seconds is a time of so many, and one nanosecond at least, so that it goes on.
func seconds(s float64) time.Duration {
	return max(time.Duration(math.Ceil(min(s, horizon.Seconds())*1e9)), 1)
}
