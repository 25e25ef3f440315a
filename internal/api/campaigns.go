package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/status"
)

// A campaignView is a campaign as it is answered.
type campaignView struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind"`
	Labels   map[string]string `json:"labels"`
	ETag     string            `json:"etag"`
	Campaign json.RawMessage   `json:"campaign"` // as it was given; null where it came by a file
	Status   *status.Status    `json:"status"`
	Parts    partsView         `json:"parts"`
	Problems json.RawMessage   `json:"problems"` // why its list could not be imported
	Links    map[string]string `json:"links"`
}

type partsView struct {
	Count int   `json:"count"`
	Rows  int   `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// showRecord answers with a campaign.
func (c *call) showRecord(code int, rec *campaign.Record) error {
	st, err := c.desk.StatusOf(c.ctx, rec)
	if err != nil {
		return err
	}
	all, err := c.desk.Parts(c.ctx, rec)
	if err != nil {
		return err
	}
	at := "/v1/campaigns/" + rec.ID
	v := campaignView{
		ID: rec.ID, Kind: kindOfCampaign(rec.ID), Labels: rec.Labels, ETag: rec.ETag, Status: st,
		Campaign: json.RawMessage("null"), Problems: json.RawMessage("[]"),
		Links: map[string]string{"self": at, "parts": at + "/parts", "recipients": at + "/recipients", "events": at + "/events"},
	}
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	if rec.Composed() {
		v.Campaign = json.RawMessage(rec.Raw)
	}
	if len(rec.Problems) > 0 {
		v.Problems = json.RawMessage(rec.Problems)
	}
	v.Parts.Count = len(all)
	for _, p := range all {
		v.Parts.Rows += p.Rows
		v.Parts.Bytes += p.Bytes
	}
	if rec.ETag != "" {
		c.w.Header().Set("ETag", `"`+rec.ETag+`"`)
	}
	return c.answer(code, v)
}

func kindOfCampaign(id string) string {
	if strings.HasPrefix(id, "test-") {
		return "test"
	}
	return "normal"
}

// show answers with a campaign.
func (s *Server) show(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	return c.showRecord(http.StatusOK, rec)
}

// A briefView is a campaign in a list.
type briefView struct {
	ID         string            `json:"id"`
	State      campaign.State    `json:"state"`
	Reason     string            `json:"reason"`
	Sender     string            `json:"sender"`
	Labels     map[string]string `json:"labels"`
	Rows       int               `json:"rows"`
	Recipients int               `json:"recipients"`
	CreatedAt  *time.Time        `json:"created_at"`
	StartedAt  *time.Time        `json:"started_at"`
	FinishedAt *time.Time        `json:"finished_at"`
}

// mostLooked is how many campaigns one page looks at: who seeks what is rare goes on
// with the next, and no request reads for ever.
const mostLooked = 2000

// list answers with campaigns, the newest first.
func (s *Server) list(c *call) error {
	limit, err := c.number("limit", 50, 1, 200)
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	states := c.values("state")
	for _, st := range states {
		if !slices.Contains(campaign.States, campaign.State(st)) {
			return refusal(http.StatusBadRequest, "bad-request", "there is no such state")
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Get("cursor"))
	if err != nil {
		return refusal(http.StatusBadRequest, "bad-request", "the cursor is none of ours")
	}
	page, looked := []briefView{}, 0
	next, err := c.desk.Page(c.ctx, string(after), func(rec *campaign.Record) bool {
		looked++
		if !c.token.Knows(rec.Sender) || len(states) > 0 && !slices.Contains(states, string(rec.State)) ||
			q.Get("sender") != "" && rec.Sender != q.Get("sender") || !strings.Contains(rec.ID, q.Get("q")) || !labelled(rec, c.values("label")) {
			return looked < mostLooked
		}
		v := briefView{
			ID: rec.ID, State: rec.State, Reason: rec.Reason, Sender: rec.Sender, Labels: rec.Labels, Rows: rec.Plan.Rows, Recipients: rec.Plan.Recipients,
			CreatedAt: orNull(rec.CreatedAt), StartedAt: orNull(rec.StartedAt), FinishedAt: orNull(rec.FinishedAt),
		}
		if v.Labels == nil {
			v.Labels = map[string]string{}
		}
		page = append(page, v)
		return len(page) < limit && looked < mostLooked
	})
	if errors.Is(err, campaign.ErrCursor) {
		return refusal(http.StatusBadRequest, "bad-request", "the cursor is none of ours")
	}
	if err != nil {
		return err
	}
	answer := map[string]any{"campaigns": page, "next": nil}
	if next != "" {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(next))
		answer["next"] = cursor
		q.Set("cursor", cursor)
		c.w.Header().Set("Link", fmt.Sprintf(`</v1/campaigns?%s>; rel="next"`, q.Encode()))
	}
	return c.answer(http.StatusOK, answer)
}

// labelled says that a campaign has each of these labels, written name:value or name.
func labelled(rec *campaign.Record, wanted []string) bool {
	for _, w := range wanted {
		name, value, exact := strings.Cut(w, ":")
		if got, ok := rec.Labels[name]; !ok || exact && got != value {
			return false
		}
	}
	return true
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

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
	set, err := c.desk.Set(c.ctx, o)
	if errors.Is(err, campaign.ErrNotAllowed) && !errors.Is(err, campaign.ErrBegun) {
		return stateProblem(rec, "a campaign that is over has no settings to change")
	}
	if err != nil {
		return settingProblem(err)
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
