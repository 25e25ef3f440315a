package api

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/parts"
)

// firstProblems is how many invalid rows a plan names.
const firstProblems = 20

// A planView is a plan as it is answered.
type planView struct {
	Fingerprint string         `json:"fingerprint"`
	Rows        int            `json:"rows"`
	Recipients  int            `json:"recipients"`
	Invalid     int            `json:"invalid"`
	Duplicate   int            `json:"duplicate"`
	Suppressed  int            `json:"suppressed"`
	Batches     int            `json:"batches"`
	Folded      int            `json:"folded"`
	Seconds     *int           `json:"seconds"`
	EndsAt      *time.Time     `json:"ends_at"`
	LateStart   bool           `json:"late_start"`
	Preflight   preflightView  `json:"preflight"`
	Countries   map[string]int `json:"countries"`
	Problems    []desk.Trouble `json:"problems"` // the first invalid rows of each reason
	Reasons     []reasonView   `json:"reasons"`
}

type preflightView struct {
	Template string   `json:"template"` // what was found, for a person; empty where it was not asked
	Warnings []string `json:"warnings"`
}

type reasonView struct {
	Reason string `json:"reason"`
	Rows   int    `json:"rows"`
}

// plan reads the list to its end, and says what launching it would do.
func (s *Server) plan(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	preflight, err := c.flag("preflight", true)
	if err != nil {
		return err
	}
	if rec.State != campaign.Draft {
		return stateProblem(rec, "only a draft has a plan; the status has what was imported")
	}
	p, err := c.desk.PlanDraft(c.ctx, rec, !preflight)
	if err != nil {
		return err
	}
	v := planView{
		Fingerprint: p.Counts.Fingerprint, Rows: p.Counts.Rows, Recipients: p.Counts.Recipients, Invalid: p.Counts.Invalid,
		Duplicate: p.Counts.Duplicate, Suppressed: p.Counts.Suppressed, Batches: p.Counts.Batches, Folded: p.Folded,
		EndsAt: orNull(p.EndsAt), LateStart: p.LateStart, Preflight: preflightView{Template: p.Template, Warnings: hidden(p.Warnings)},
		Countries: map[string]int{}, Problems: []desk.Trouble{}, Reasons: []reasonView{},
	}
	if !p.EndsAt.IsZero() {
		seconds := p.Seconds(s.Now())
		v.Seconds = &seconds
	}
	maps.Copy(v.Countries, p.People.Countries)
	for _, r := range p.Reasons {
		v.Reasons = append(v.Reasons, reasonView{Reason: r.Reason, Rows: r.Rows})
		for _, line := range r.Lines {
			if n, of := parts.At(p.Parts, line); len(v.Problems) < firstProblems {
				v.Problems = append(v.Problems, desk.Trouble{Part: n, Line: of, Detail: r.Reason})
			}
		}
	}
	return c.answer(http.StatusOK, v)
}

// listed says that a campaign's list is not in parts any more.
func listed(rec *campaign.Record, err error) error {
	if errors.Is(err, parts.ErrNotFound) {
		return stateProblem(rec, "its list is imported; only a draft has a preview and a test")
	}
	return err
}

// preview shows the message as a row gets it.
func (s *Server) preview(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	row, err := c.number("row", 0, 1, parts.MaxRows)
	if err != nil {
		return err
	}
	preflight, err := c.flag("preflight", true)
	if err != nil {
		return err
	}
	p, err := c.desk.PrepareRecord(c.ctx, rec, !preflight)
	if err != nil {
		return listed(rec, err)
	}
	defer p.Close()
	shown, err := c.desk.Preview(c.ctx, p, row)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, shown)
}

// test sends one message to a number of one's own, by the one sending path.
func (s *Server) test(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	if c.r.Header.Get("Idempotency-Key") == "" {
		return refusal(http.StatusBadRequest, "idempotency-key", "a test sends a message: with an Idempotency-Key it is sent once, however often it is asked for")
	}
	var o struct {
		To        string `json:"to"`
		Row       int    `json:"row"`
		Preflight *bool  `json:"preflight"`
	}
	if err := c.decode(&o); err != nil {
		return err
	}
	if o.To == "" {
		return invalidAt("/to", "needed, the number to send to")
	}
	if o.Row < 0 {
		return invalidAt("/row", "rows are counted from 1")
	}
	if !s.limit(c.token.ID).tests.Allow() {
		return later(refusal(http.StatusTooManyRequests, "too-many-requests", "this token sends more than 10 tests a minute"), 6)
	}
	p, err := c.desk.PrepareRecord(c.ctx, rec, o.Preflight != nil && !*o.Preflight)
	if err != nil {
		return listed(rec, err)
	}
	defer p.Close()
	tested, err := c.desk.Test(c.ctx, p, desk.TestOrder{To: o.To, Row: o.Row})
	var invalid *desk.InvalidError
	if errors.As(err, &invalid) && strings.HasPrefix(invalid.Error(), "the number to send to") {
		return invalidAt("/to", strings.TrimPrefix(invalid.Error(), "the number to send to: "))
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/v1/campaigns/"+tested.ID)
	return c.answer(http.StatusAccepted, map[string]any{"id": tested.ID, "row": tested.Row})
}
