package campaign

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// RecipientZone is the window's time zone that means each recipient's own.
const RecipientZone = "recipient"

// A Window is the time of day in which a campaign is sent. It may go over
// midnight.
type Window struct {
	From     string `yaml:"from"`     // HH:MM, the first minute
	To       string `yaml:"to"`       // HH:MM, the first minute that is out again
	Timezone string `yaml:"timezone"` // an IANA name, or recipient
}

func (w *Window) check() error {
	if w == nil {
		return nil
	}
	from, err := minute(w.From)
	if err != nil {
		return fmt.Errorf("window.from: %w", err)
	}
	to, err := minute(w.To)
	if err != nil {
		return fmt.Errorf("window.to: %w", err)
	}
	if from == to {
		return errors.New("window: from and to are the same; leave the window out to send at any time")
	}
	if w.Timezone == "" {
		return errors.New("window.timezone: needed, such as America/Sao_Paulo, or recipient")
	}
	if w.Timezone != RecipientZone {
		if _, err := time.LoadLocation(w.Timezone); err != nil {
			return fmt.Errorf("window.timezone: there is no time zone %q", w.Timezone)
		}
	}
	return nil
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
// The wall clock counts, so a day of 23 or 25 hours moves nothing.
func (w *Window) Opens(now time.Time, zone *time.Location) time.Time {
	from, _ := minute(w.From)
	to, _ := minute(w.To)
	local := now.In(zone)
	at := local.Hour()*60 + local.Minute()
	open := from <= at && at < to
	if from > to {
		open = at >= from || at < to
	}
	if open {
		return now
	}
	day := local.Day()
	if at >= from {
		day++
	}
	return time.Date(local.Year(), local.Month(), day, from/60, from%60, 0, 0, zone)
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

// Next is when the window is open next for the whole campaign; now itself if it
// is, or if each recipient has a window of their own.
func (w *Window) Next(now time.Time) time.Time {
	if w == nil || w.Timezone == RecipientZone {
		return now
	}
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return now // checked when the file was read
	}
	return w.Opens(now, zone)
}
