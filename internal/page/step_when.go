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
	v := &whenStep{Priority: d.Priority, Window: "any", From: "09:00", To: "20:00"}
	if at, err := time.Parse(time.RFC3339, d.StartAt); err == nil {
		v.Start, v.Zone = at.UTC().Format(formTime), "UTC"
	}
	if d.Window != nil {
		v.From, v.To, v.Window = d.Window.From, d.Window.To, d.Window.Timezone
	}
	if d.Rate.MessagesPerSecond > 0 {
		v.Rate = strconv.FormatFloat(d.Rate.MessagesPerSecond, 'g', -1, 64)
	}
	return s.showStep(c, "when", rec, d, "", v)
}

// setWhen keeps them.
func (s *Server) setWhen(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	v := &whenStep{
		Start: c.form("start"), Zone: c.form("zone"), From: c.form("from"), To: c.form("to"), Window: c.form("window"), Rate: c.form("rate"), Priority: c.form("priority"),
	}
	wrong := func(text string) error { return s.showStep(c, "when", rec, d, text, v) }
	var start string
	if c.form("begin") == "later" {
		zone, err := time.LoadLocation(v.Zone)
		if err != nil || v.Zone == "" || v.Zone == "Local" {
			return wrong(c.words.say("when.zone.wrong"))
		}
		at, err := time.ParseInLocation(formTime, v.Start, zone)
		if err != nil {
			return wrong(c.words.say("when.start.wrong"))
		}
		start = at.Format(time.RFC3339)
	}
	var rate float64
	if v.Rate != "" {
		if rate, err = strconv.ParseFloat(v.Rate, 64); err != nil {
			return wrong(c.words.say("when.rate.wrong"))
		}
	}
	window := v.Window
	if window == "zone" {
		window = c.form("window_zone")
	}
	_, err = s.keep(c, rec, func(top map[string]any) {
		put(top, "start_at", start)
		put(top, "priority", v.Priority)
		delete(top, "rate")
		if rate > 0 {
			top["rate"] = map[string]any{"messages_per_second": rate}
		}
		delete(top, "window")
		if window != "any" {
			top["window"] = campaign.Window{From: v.From, To: v.To, Timezone: window}
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
