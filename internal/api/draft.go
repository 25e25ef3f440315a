package api

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/parts"
)

// create makes a draft, with its list where that is small, and launches it where
// that is asked for.
func (s *Server) create(c *call) error {
	launch, err := c.flag("launch", false)
	if err != nil {
		return err
	}
	preflight, err := c.flag("preflight", true)
	if err != nil {
		return err
	}
	paused, err := c.flag("paused", false)
	if err != nil {
		return err
	}
	if launch && !c.token.May("send") {
		return refusal(http.StatusForbidden, "forbidden", "the token has not the scope send")
	}
	g, o, err := s.given(c, "")
	if err != nil {
		return err
	}
	if launch && o.rows == nil {
		return invalidAt("/recipients/rows", "needed to launch in one call")
	}
	rec, made, err := c.desk.Draft(c.ctx, g)
	if err != nil {
		return err
	}
	if o.rows != nil {
		part := parts.Delivery{N: 1, Media: parts.NDJSON, Body: bytes.NewReader(o.rows)}
		if _, _, err := c.desk.PutPart(c.ctx, rec, part); err != nil {
			return rowsProblem(err)
		}
		if rec, err = c.desk.Record(c.ctx, rec.ID); err != nil {
			return err
		}
	}
	if launch {
		if rec, err = s.freeze(c, rec, launchOrder{Preflight: &preflight, Paused: paused}); err != nil {
			return err
		}
	}
	c.w.Header().Set("Location", "/v1/campaigns/"+rec.ID)
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	return c.showRecord(status, rec)
}

// rowsProblem names the row of a small list where a part has a line.
func rowsProblem(err error) error {
	p := problemOf(err)
	for i, f := range p.Errors {
		if f.Part == 1 && f.Line > 0 {
			p.Errors[i] = Fault{Pointer: fmt.Sprintf("/recipients/rows/%d", f.Line-1), Detail: f.Detail}
		}
	}
	return p
}

// replace puts another campaign in the place of a draft.
func (s *Server) replace(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	etag, ok := strings.CutPrefix(c.r.Header.Get("If-Match"), `"`)
	etag, ok2 := strings.CutSuffix(etag, `"`)
	if !ok || !ok2 {
		return refusal(http.StatusPreconditionRequired, "changed", "If-Match is needed, with the ETag of the draft as it was read")
	}
	g, o, err := s.given(c, rec.ID)
	if err != nil {
		return err
	}
	if o.rows != nil {
		return invalidAt("/recipients/rows", "not here: put part 1")
	}
	if rec.State != campaign.Draft {
		return stateProblem(rec, "it is no draft any more")
	}
	if rec, err = c.desk.Redraft(c.ctx, etag, g); err != nil {
		return err
	}
	return c.showRecord(http.StatusOK, rec)
}

func stateProblem(rec *campaign.Record, detail string) *Problem {
	p := refusal(http.StatusConflict, "state", detail)
	p.State = rec.State
	return p
}

// discard deletes a draft.
func (s *Server) discard(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	if rec.State != campaign.Draft {
		return stateProblem(rec, "only a draft can be discarded; cancel it")
	}
	if err := c.desk.Discard(c.ctx, rec.ID); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
