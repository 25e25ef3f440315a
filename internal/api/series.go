package api

import (
	"net/http"
	"time"

	"sluice/internal/desk"
	"sluice/internal/status"
)

// mostStep is how far the points of a series may be asked to be apart, in seconds.
const mostStep = 7 * 24 * 3600

// A pointView is a campaign's account at one moment.
type pointView struct {
	At          time.Time `json:"at"`
	Submitted   int       `json:"submitted"`
	Accepted    int       `json:"accepted"`
	Rejected    int       `json:"rejected"`
	InDoubt     int       `json:"in_doubt"`
	Delivered   int       `json:"delivered"`
	Read        int       `json:"read"`
	Undelivered int       `json:"undelivered"`
	Limit       float64   `json:"limit"`
}

// series answers how a campaign went over time.
func (s *Server) series(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	step, err := c.number("step", 60, 1, mostStep)
	if err != nil {
		return err
	}
	all, err := c.desk.SeriesBy(c.ctx, rec.ID, time.Duration(step)*time.Second)
	if err != nil {
		return err
	}
	views := []pointView{}
	for _, p := range all {
		views = append(views, pointView{
			At: p.At, Submitted: p.Accepted + p.Rejected + p.InDoubt, Accepted: p.Accepted, Rejected: p.Rejected, InDoubt: p.InDoubt,
			Delivered: p.Delivered, Read: p.Read, Undelivered: p.Undelivered, Limit: p.Limit,
		})
	}
	return c.answer(http.StatusOK, map[string]any{"id": rec.ID, "step": step, "points": views})
}

// funnel answers what receipts say of those who are accepted.
func (s *Server) funnel(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	st, err := c.desk.StatusOf(c.ctx, rec)
	if err != nil {
		return err
	}
	if st.Receipts == nil {
		return desk.ErrExpired
	}
	return c.answer(http.StatusOK, struct {
		ID       string `json:"id"`
		Accepted int    `json:"accepted"`
		*status.Receipts
	}{rec.ID, st.Accepted, st.Receipts})
}
