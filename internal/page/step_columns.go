package page

import (
	"slices"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/parts"
	"sluice/internal/token"
)

// mostSampled is how many rows of a list are shown.
const mostSampled = 20

// A columnsStep is the second step: which column has the numbers.
type columnsStep struct {
	Rows    int // of the whole list
	Bytes   int64
	Sample  *desk.Sample
	Invalid int // of those that are shown
	Hidden  bool
	Problem string // why the list cannot be read so
}

// columns shows the list, and asks which column is that of the numbers.
func (s *Server) columns(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	return s.showColumns(c, rec, d, "")
}

func (s *Server) showColumns(c *call, rec *campaign.Record, d *draft, wrong string) error {
	v := &columnsStep{Hidden: !c.token.May(token.PII)}
	all, err := c.desk.Parts(c.ctx, rec)
	if err != nil {
		return err
	}
	for _, p := range all {
		v.Rows, v.Bytes = v.Rows+p.Rows, v.Bytes+p.Bytes
	}
	if len(all) > 0 {
		if v.Sample, err = c.desk.Sample(c.ctx, rec, mostSampled); err != nil {
			if v.Problem, err = wrongOf(err); err != nil {
				return err
			}
		}
	}
	if v.Sample != nil {
		for i := range v.Sample.Rows {
			r := &v.Sample.Rows[i]
			if r.Phone = c.mask(r.Phone); v.Hidden {
				r.Values = nil
			}
			if r.Invalid != "" {
				v.Invalid++
			}
		}
	}
	return s.showStep(c, "columns", rec, d, wrong, v)
}

// setColumns keeps which column it is, and how national numbers are read.
func (s *Server) setColumns(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	phone, country := c.form("phone"), strings.ToUpper(c.form("country"))
	if !slices.Contains(d.Recipients.Columns, phone) {
		return s.showColumns(c, rec, d, c.words.say("columns.none"))
	}
	kept, err := s.keep(c, rec, func(top map[string]any) {
		r := object(top, "recipients")
		r["phone"] = phone
		put(r, "default_country", country)
	})
	if err != nil {
		d.Recipients.Phone, d.Recipients.Country = phone, country
		wrong, err := wrongOf(err)
		if err != nil {
			return err
		}
		return s.showColumns(c, rec, d, wrong)
	}
	if c.form("look") != "" { // at the same page, with what was said
		return c.goTo("/campaigns/" + rec.ID + "/columns")
	}
	if _, err := c.desk.Sample(c.ctx, kept, 1); err != nil {
		wrong, err := wrongOf(err)
		if err != nil {
			return err
		}
		return s.showColumns(c, kept, d, wrong)
	}
	return c.goTo("/campaigns/" + rec.ID + "/message")
}

// rowsOf is how many rows a list has.
func rowsOf(all []parts.Part) int {
	n := 0
	for _, p := range all {
		n += p.Rows
	}
	return n
}
