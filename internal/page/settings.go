package page

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
)

// A setting is the page on which the settings of a campaign are changed that has been
// launched.
type setting struct {
	*whenStep

	ID       string
	State    campaign.State
	Attempts string
	Starts   bool // it has not begun: its start may be set
	Was      was
	Wrong    string
}

// was is what a form showed first: what somebody else sets meanwhile stays set.
type was struct{ Start, Window, Rate, Priority, Attempts string }

// settable says whether there is something to set in a state.
func settable(state campaign.State) bool {
	return state != campaign.Draft && state != campaign.Finished && state != campaign.Cancelled
}

// settingOf is a campaign's page of settings, as they are.
func (s *Server) settingOf(c *call) (*campaign.Record, *setting, error) {
	rec, err := c.record()
	if err != nil {
		return nil, nil, err
	}
	if !settable(rec.State) {
		return nil, nil, &fault{Status: http.StatusConflict, Key: "state", Detail: string(rec.State)}
	}
	file, err := rec.File()
	if err != nil {
		return nil, nil, err
	}
	is := file.Settings()
	v := &setting{whenStep: newWhen(cmp.Or(is.Priority, normalPriority), is.Window, is.Rate), ID: rec.ID, State: rec.State, Attempts: strconv.Itoa(is.MaxAttempts), Starts: rec.StartedAt.IsZero()}
	v.Was = was{Window: v.windowText(), Rate: v.Rate, Priority: v.Priority, Attempts: v.Attempts}
	if !is.StartAt.IsZero() {
		v.Later, v.Start, v.Zone = true, is.StartAt.UTC().Format(formTime), "UTC"
		v.Was.Start = formStart(is.StartAt.Truncate(time.Minute)) // as the form has it
	}
	return rec, v, nil
}

// settings shows what can be set.
func (s *Server) settings(c *call) error {
	_, v, err := s.settingOf(c)
	if err != nil {
		return err
	}
	return s.showSetting(c, v, http.StatusOK)
}

func (s *Server) showSetting(c *call, v *setting, status int) error {
	return s.show(c, sheet{Name: "settings", Title: c.words.say("set.title", v.ID), Section: "campaigns", Status: status, Data: v})
}

// set changes what the form says otherwise than it was shown.
func (s *Server) set(c *call) error {
	rec, v, err := s.settingOf(c)
	if err != nil {
		return err
	}
	v.Was = was{Start: c.form("was-start"), Window: c.form("was-window"), Rate: c.form("was-rate"), Priority: c.form("was-priority"), Attempts: c.form("was-attempts")}
	o := desk.SetOrder{ID: rec.ID}
	start, rate, key := v.said(c)
	v.Attempts = c.form("attempts")
	attempts, err := strconv.Atoi(v.Attempts)
	if key == "" && err != nil {
		key = "set.attempts.wrong"
	}
	if key != "" {
		v.Wrong = c.words.say(key)
		return s.showSetting(c, v, http.StatusUnprocessableEntity)
	}
	if text := v.windowText(); text != v.Was.Window {
		o.Window = &text
	}
	if v.Rate != v.Was.Rate {
		o.Rate = &rate
	}
	if v.Priority != v.Was.Priority {
		o.Priority = &v.Priority
	}
	if v.Attempts != v.Was.Attempts {
		o.MaxAttempts = &attempts
	}
	if text := formStart(start); v.Starts && text != v.Was.Start {
		o.StartAt = &start
	}
	if o == (desk.SetOrder{ID: rec.ID}) {
		return c.goTo(said("/campaigns/"+rec.ID, "set-nothing"))
	}
	_, err = c.desk.Set(c.ctx, o)
	s.changed(rec.ID)
	if errors.Is(err, campaign.ErrNotAllowed) {
		return &fault{Status: http.StatusConflict, Key: "state", Detail: string(rec.State)}
	}
	if err != nil {
		if v.Wrong, err = wrongOf(err); err != nil {
			return err
		}
		return s.showSetting(c, v, http.StatusUnprocessableEntity)
	}
	return c.goTo(said("/campaigns/"+rec.ID, "set"))
}

// formStart is a start as the form had it; "" is at once.
func formStart(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// normalPriority is that of a campaign which says none.
const normalPriority = "normal"
