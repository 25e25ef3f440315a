package campaign

import (
	"fmt"
	"strings"
	"time"
)

// RecipientZone is the window's time zone that means each recipient's own.
const RecipientZone = "recipient"

// A Window is the time of day in which a campaign is sent. It may go over
// midnight.
type Window struct {
	From     string `yaml:"from" json:"from"`         // HH:MM, the first minute
	To       string `yaml:"to" json:"to"`             // HH:MM, the first minute that is out again
	Timezone string `yaml:"timezone" json:"timezone"` // an IANA name, or recipient
}

// faults are all that is wrong with a window; none if there is none.
func (w *Window) faults() []error {
	if w == nil {
		return nil
	}
	var found []error
	from, err := minute(w.From)
	if err != nil {
		found = append(found, bad("window.from", "%v", err))
	}
	to, err := minute(w.To)
	if err != nil {
		found = append(found, bad("window.to", "%v", err))
	}
	if len(found) == 0 && from == to {
		found = append(found, bad("window", "from and to are the same; leave the window out to send at any time"))
	}
	switch w.Timezone {
	case "":
		return append(found, bad("window.timezone", "needed, such as America/Sao_Paulo, or recipient"))
	case RecipientZone:
		return found
	}
	// Local is another zone on every machine.
	if _, err := time.LoadLocation(w.Timezone); err != nil || w.Timezone == "Local" {
		found = append(found, bad("window.timezone", "there is no time zone %q", w.Timezone))
	}
	return found
}

// minute reads HH:MM as minutes since midnight.
func minute(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time of day such as 09:00", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// Opens is when the window is open next, in a zone: now itself if it is open.
// The wall clock counts. On the day that the clock is put forward over the first
// minute it opens at once after; on the day that it is put back it may be open
// twice.
func (w *Window) Opens(now time.Time, zone *time.Location) time.Time {
	from, _ := minute(w.From)
	to, _ := minute(w.To)
	t := now.In(zone)
	for {
		at := t.Hour()*60 + t.Minute()
		open := from <= at && at < to
		if from > to {
			open = at >= from || at < to
		}
		if open {
			return t
		}
		wait := time.Duration((from-at+24*60)%(24*60)) * time.Minute
		wait -= time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
		_, change := t.ZoneBounds()
		if opens := t.Add(wait); change.IsZero() || opens.Before(change) {
			return opens
		}
		t = change.In(zone) // the clock is put forward or back before that
	}
}

// Closes is when a window that is open closes, in a zone.
func (w *Window) Closes(now time.Time, zone *time.Location) time.Time {
	return (&Window{From: w.To, To: w.From}).Opens(now, zone)
}

// text is the window's stored form; empty if there is none.
func (w *Window) text() string {
	if w == nil {
		return ""
	}
	return w.From + " " + w.To + " " + w.Timezone
}

// parseWindow reads what text wrote.
func parseWindow(text string) *Window {
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return nil
	}
	return &Window{From: parts[0], To: parts[1], Timezone: parts[2]}
}

// OfAll says that there is a window, and that it is the same for all recipients.
func (w *Window) OfAll() bool { return w != nil && w.Timezone != RecipientZone }

// Next is when the window is open next for the whole campaign; now itself if it
// is, or if each recipient has a window of their own.
func (w *Window) Next(now time.Time) time.Time {
	if !w.OfAll() {
		return now
	}
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return now // checked when the file was read
	}
	return w.Opens(now, zone)
}
