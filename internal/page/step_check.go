package page

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/parts"
	"sluice/internal/status"
	"sluice/internal/token"
)

const (
	// planWithin is how long a list of any length may take to be read.
	planWithin = 15 * time.Minute
	// planLasts is how long a plan is kept of a draft that nobody changes: it counts who
	// was suppressed when it was made.
	planLasts = time.Minute
)

// A checkStep is the fifth step: what would happen, and a test to one's own number.
type checkStep struct {
	Plan      *desk.DraftPlan
	Bar       []member
	Seconds   int
	Countries []countryRow
	Problem   string // why there is no plan
	Reasons   []reasonRow
	Test      *status.Status // of the test that was sent last
	To        string
	MaySend   bool
}

type countryRow struct {
	Code string
	N    int
	Of   int
}

type reasonRow struct {
	Reason string
	N      int
	Lines  []int
}

// planOf reads a draft's list to its end. Who asks again within planLasts, for the check
// and then for the launch, is told the same.
func (s *Server) planOf(c *call, rec *campaign.Record) (*desk.DraftPlan, error) {
	key := fmt.Sprintf("plan %s %s %d", rec.ID, rec.ETag, rec.PartsRevision)
	v, err := s.shared.get(c.ctx, key, func(ctx context.Context) (any, time.Duration, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), planWithin)
		defer cancel()
		p, err := s.Desk.PlanDraft(ctx, rec, false)
		return p, planLasts, err
	})
	if err != nil {
		return nil, err
	}
	return v.(*desk.DraftPlan), nil
}

// check shows the plan.
func (s *Server) check(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	return s.showCheck(c, rec, d, "", "")
}

func (s *Server) showCheck(c *call, rec *campaign.Record, d *draft, wrong, to string) error {
	v := &checkStep{MaySend: c.token.May(token.Send), To: to}
	if !d.Chosen() {
		return c.goTo("/campaigns/" + rec.ID + "/message")
	}
	plan, err := s.planOf(c, rec)
	if err != nil {
		if v.Problem, err = wrongOf(err); err != nil {
			return err
		}
	} else {
		v.take(plan, s.Now())
	}
	if id := c.r.URL.Query().Get("test"); strings.HasPrefix(id, "test-") && campaign.CheckID(id) == nil {
		st, err := s.glance(c.ctx, id)
		if err != nil && !errors.Is(err, campaign.ErrNotFound) {
			return err
		}
		if err == nil && c.token.Knows(st.Sender) {
			v.Test = st
		}
	}
	return s.showStep(c, "check", rec, d, wrong, v)
}

// take puts a plan into words.
func (v *checkStep) take(p *desk.DraftPlan, now time.Time) {
	n := p.Counts
	v.Plan, v.Seconds = p, p.Seconds(now)
	v.Bar = lay(n.Rows, []member{
		{Name: "pending", N: n.Recipients},
		{Name: "invalid", N: n.Invalid, Quiet: true},
		{Name: "duplicate", N: n.Duplicate, Quiet: true},
		{Name: "suppressed", N: n.Suppressed, Quiet: true},
	})
	for code, k := range p.People.Countries {
		v.Countries = append(v.Countries, countryRow{Code: code, N: k, Of: n.Recipients + n.Suppressed})
	}
	slices.SortFunc(v.Countries, func(a, b countryRow) int { return b.N - a.N })
	for _, r := range p.Reasons {
		row := reasonRow{Reason: r.Reason, N: r.Rows}
		for _, line := range r.Lines {
			_, of := parts.At(p.Parts, line)
			row.Lines = append(row.Lines, of)
		}
		v.Reasons = append(v.Reasons, row)
	}
}

// test sends one message to a number of one's own.
func (s *Server) test(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	to := c.form("to")
	if to == "" {
		return s.showCheck(c, rec, d, c.words.say("check.no_number"), "")
	}
	if !d.Chosen() {
		return c.goTo("/campaigns/" + rec.ID + "/message")
	}
	p, err := c.desk.PrepareRecord(c.ctx, rec, false)
	var tested *desk.Tested
	if err == nil {
		defer p.Close()
		tested, err = c.desk.Test(c.ctx, p, desk.TestOrder{To: to})
	}
	if err != nil {
		if tested != nil {
			_, cancelErr := c.desk.Cancel(c.ctx, tested.ID)
			err = errors.Join(err, cancelErr)
		}
		wrong, err := wrongOf(err)
		if err != nil {
			return err
		}
		return s.showCheck(c, rec, d, wrong, to)
	}
	return c.goTo("/campaigns/" + rec.ID + "/check?test=" + tested.ID + "#test")
}

// A launchStep is the sixth step.
type launchStep struct {
	Plan    *desk.DraftPlan
	Seconds int
	Typed   string
}

// launchPage asks for the number of recipients.
func (s *Server) launchPage(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	return s.showLaunch(c, rec, d, "", "")
}

func (s *Server) showLaunch(c *call, rec *campaign.Record, d *draft, wrong, typed string) error {
	if !d.Chosen() {
		return c.goTo("/campaigns/" + rec.ID + "/message")
	}
	plan, err := s.planOf(c, rec)
	if err != nil {
		if _, err := wrongOf(err); err != nil {
			return err
		}
		return c.goTo("/campaigns/" + rec.ID + "/check") // which says why there is no plan
	}
	return s.showStep(c, "launch", rec, d, wrong, &launchStep{Plan: plan, Seconds: plan.Seconds(s.Now()), Typed: typed})
}

// launch settles the draft and has it sent, where the number is that of its recipients
// and its list the one that was planned.
func (s *Server) launch(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	typed := c.form("typed")
	plan, err := s.planOf(c, rec)
	if err != nil || !d.Chosen() {
		return s.showLaunch(c, rec, d, "", typed)
	}
	n, err := strconv.Atoi(strings.NewReplacer(",", "", ".", "", " ", "", "\u00a0", "", "'", "").Replace(typed))
	if err != nil || n != plan.Counts.Recipients {
		return s.showLaunch(c, rec, d, c.words.say("launch.typed.wrong"), typed)
	}
	rows := rowsOf(plan.Parts)
	o := desk.FreezeOrder{Rows: &rows, Parts: map[int]string{}}
	for _, p := range plan.Parts {
		o.Parts[p.N] = p.SHA256
	}
	_, err = c.desk.Freeze(c.ctx, rec, o)
	s.changed(rec.ID)
	if err != nil {
		wrong, err := wrongOf(err)
		if err != nil {
			return err
		}
		return s.showLaunch(c, rec, d, wrong, typed)
	}
	s.Launched()
	return c.goTo(said("/campaigns/"+rec.ID, "launched"))
}
