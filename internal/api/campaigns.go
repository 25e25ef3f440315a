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
