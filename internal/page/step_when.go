package page

import (
	"strconv"
	"time"

	"sluice/internal/campaign"
)

// A whenStep is the fourth step: when, and how fast.
type whenStep struct {
	Start, Zone      string // as a form has them
	From, To, Window string // Window: any, recipient, or a zone
	Later            bool   // it has a start
	Rate             string
	Priority         string
}

// formTime is how a form writes a time of no zone.
const formTime = "2006-01-02T15:04"

// when asks for start, window and pace.
func (s *Server) when(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	v := newWhen(d.Priority, d.Window, d.Rate.MessagesPerSecond)
	if at, err := time.Parse(time.RFC3339, d.StartAt); err == nil {
		v.Later, v.Start, v.Zone = true, at.UTC().Format(formTime), "UTC"
	}
	return s.showStep(c, "when", rec, d, "", v)
}

// newWhen is what a form has at first.
func newWhen(priority string, w *campaign.Window, rate float64) *whenStep {
	v := &whenStep{Priority: priority, Window: "any", From: "09:00", To: "20:00"}
	if w != nil {
		v.From, v.To, v.Window = w.From, w.To, w.Timezone
	}
	if rate > 0 {
		v.Rate = strconv.FormatFloat(rate, 'g', -1, 64)
	}
	return v
}

// windowText is the window in one line, as settings have it; none is any time.
func (v *whenStep) windowText() string {
	if v.Window == "any" {
		return "none"
	}
	return v.From + "-" + v.To + " " + v.Window
}

// said takes what a form says of when and how fast. Wrong is the key of what is
// invalid; a start of zero is at once, a rate of 0 the sender's own.
func (v *whenStep) said(c *call) (start time.Time, rate float64, wrong string) {
	v.Start, v.Zone, v.From, v.To, v.Window, v.Rate, v.Priority = c.form("start"), c.form("zone"), c.form("from"), c.form("to"), c.form("window"), c.form("rate"), c.form("priority")
	if v.Window == "zone" {
		v.Window = c.form("window_zone")
	}
	if v.Later = c.form("begin") == "later"; v.Later {
		zone, err := time.LoadLocation(v.Zone)
		if err != nil || v.Zone == "" || v.Zone == "Local" {
			return start, 0, "when.zone.wrong"
		}
		if start, err = time.ParseInLocation(formTime, v.Start, zone); err != nil {
			return start, 0, "when.start.wrong"
		}
	}
	if v.Rate != "" {
		var err error
		if rate, err = strconv.ParseFloat(v.Rate, 64); err != nil {
			return start, 0, "when.rate.wrong"
		}
	}
	return start, rate, ""
}

// setWhen keeps them.
func (s *Server) setWhen(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	v := &whenStep{}
	wrong := func(text string) error { return s.showStep(c, "when", rec, d, text, v) }
	start, rate, key := v.said(c)
	if key != "" {
		return wrong(c.words.say(key))
	}
	_, err = s.keep(c, rec, func(top map[string]any) {
		delete(top, "start_at")
		if !start.IsZero() {
			top["start_at"] = start.Format(time.RFC3339)
		}
		put(top, "priority", v.Priority)
		delete(top, "rate")
		if rate > 0 {
			top["rate"] = map[string]any{"messages_per_second": rate}
		}
		delete(top, "window")
		if v.Window != "any" {
			top["window"] = campaign.Window{From: v.From, To: v.To, Timezone: v.Window}
		}
	})
	if err != nil {
		text, err := wrongOf(err)
		if err != nil {
			return err
		}
		return wrong(text)
	}
	return c.goTo("/campaigns/" + rec.ID + "/check")
}
