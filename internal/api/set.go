package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
)

// A patch is the settings that may change while a campaign runs, by the campaign's
// own shape.
type patch struct {
	Rate *struct {
		MessagesPerSecond *float64 `json:"messages_per_second"`
	} `json:"rate"`
	Priority    *string         `json:"priority"`
	Window      json.RawMessage `json:"window"`   // null: at any time
	StartAt     json.RawMessage `json:"start_at"` // null: at once
	MaxAttempts *int            `json:"max_attempts"`
	Labels      json.RawMessage `json:"labels"`   // null: none
	Callback    json.RawMessage `json:"callback"` // null: nobody is told
}

// settings says whether any of them is there that tell how it is sent.
func (p *patch) settings() bool {
	return p.Rate != nil || p.Priority != nil || p.Window != nil || p.StartAt != nil || p.MaxAttempts != nil
}

// set changes settings of a campaign.
func (s *Server) set(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	var p patch
	if err := c.decode(&p); err != nil {
		return err
	}
	if rec.State == campaign.Draft {
		return stateProblem(rec, "a draft is replaced, with PUT")
	}
	notes, err := s.notes(c, rec, &p)
	if err != nil {
		return err
	}
	o := desk.SetOrder{ID: rec.ID, Priority: p.Priority, MaxAttempts: p.MaxAttempts}
	if p.Rate != nil {
		o.Rate = p.Rate.MessagesPerSecond
	}
	if p.Window != nil {
		text := "none"
		if string(p.Window) != "null" {
			var w campaign.Window
			if err := strict(p.Window, &w); err != nil {
				return invalidAt("/window", "must have from, to and timezone")
			}
			text = w.From + "-" + w.To + " " + w.Timezone
		}
		o.Window = &text
	}
	if p.StartAt != nil {
		var at time.Time
		if string(p.StartAt) != "null" {
			if err := json.Unmarshal(p.StartAt, &at); err != nil {
				return invalidAt("/start_at", "must be a time with its zone such as 2026-11-22T09:00:00-03:00")
			}
		}
		o.StartAt = &at
	}
	set := &desk.Set{}
	if p.settings() || notes.Labels == nil && notes.Callback == nil {
		set, err = c.desk.Set(c.ctx, o)
	} else if file, wrong := rec.File(); wrong == nil {
		set.Before, set.After = file.Settings(), file.Settings()
	}
	if errors.Is(err, campaign.ErrNotAllowed) && !errors.Is(err, campaign.ErrBegun) {
		return stateProblem(rec, "a campaign that is over has no settings to change")
	}
	if err != nil {
		return settingProblem(err)
	}
	if notes.Labels != nil || notes.Callback != nil {
		if err := c.desk.SetNotes(c.ctx, rec.ID, notes); err != nil {
			return err
		}
	}
	return c.answer(http.StatusOK, map[string]any{
		"id": rec.ID, "before": viewSettings(set.Before), "after": viewSettings(set.After), "late_start": set.LateStart,
	})
}

// settingProblem points at the setting that is invalid.
func settingProblem(err error) error {
	var invalid *desk.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	if field, text, ok := strings.Cut(invalid.Error(), ": "); ok && !strings.Contains(field, " ") {
		return invalidAt(pointer(field), text)
	}
	return err
}

type settingsView struct {
	Rate        float64          `json:"rate"`
	Priority    string           `json:"priority"`
	Window      *campaign.Window `json:"window"`
	StartAt     *time.Time       `json:"start_at"`
	MaxAttempts int              `json:"max_attempts"`
}

func viewSettings(s campaign.Settings) settingsView {
	return settingsView{Rate: s.Rate, Priority: s.Priority, Window: s.Window, StartAt: orNull(s.StartAt), MaxAttempts: s.MaxAttempts}
}

func strict(data []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// notes reads the labels and the callback of a patch.
func (s *Server) notes(c *call, rec *campaign.Record, p *patch) (n campaign.Notes, err error) {
	var o composition
	switch {
	case p.Labels == nil && p.Callback == nil:
		return n, nil
	case !rec.Composed():
		return n, stateProblem(rec, "it was not composed over HTTP: it has no labels and no callback")
	}
	if p.Labels != nil {
		n.Labels = map[string]string{}
		if string(p.Labels) != "null" {
			if err := o.label(p.Labels); err != nil {
				return n, err
			}
			n.Labels = o.labels
		}
	}
	if p.Callback != nil {
		n.Callback = []byte{}
		if string(p.Callback) != "null" {
			if err := o.call(p.Callback); err != nil {
				return n, err
			}
			n.Callback, n.Tells = o.callback, o.events
		}
	}
	return n, s.hears(c, o.endpoint, rec.Sender)
}
