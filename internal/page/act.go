package page

import (
	"errors"
	"net/http"
	"slices"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/status"
)

// An act is something that a person can do with a campaign. Each is asked for on a page
// of its own, which says what follows, and is done from there.
type act struct {
	Name  string
	Typed bool // the campaign's id is to be typed, for it cannot be undone
	Grave bool
}

var acts = []act{
	{Name: "pause"},
	{Name: "resume"},
	{Name: "clear-pause"},
	{Name: "skip-row"},
	{Name: "cancel", Typed: true, Grave: true},
	{Name: "discard", Grave: true},
}

// actsIn are what can be done in a state, the likeliest first.
func actsIn(state campaign.State, composed bool) []act {
	var names []string
	switch state {
	case campaign.Draft:
		if composed {
			names = []string{"discard"}
		}
	case campaign.Importing:
		names = []string{"cancel"}
	case campaign.Scheduled, campaign.Running:
		names = []string{"pause", "cancel"}
	case campaign.Paused, campaign.Halted:
		names = []string{"resume", "cancel"}
	case campaign.Finished, campaign.Cancelled:
	}
	var all []act
	for _, name := range names {
		all = append(all, actOf(name))
	}
	return all
}

func actOf(name string) act {
	i := slices.IndexFunc(acts, func(a act) bool { return a.Name == name })
	if i < 0 {
		return act{}
	}
	return acts[i]
}

// An asked act is what the page shows that asks whether it is meant.
type asked struct {
	act
	*status.Status
	Wrong string // what was typed is not the id
}

func (s *Server) asked(c *call) (*campaign.Record, *asked, error) {
	rec, err := c.record()
	if err != nil {
		return nil, nil, err
	}
	a := actOf(c.r.PathValue("act"))
	if a.Name == "" {
		return nil, nil, errNowhere
	}
	st, err := c.desk.Status(c.ctx, rec.ID)
	return rec, &asked{act: a, Status: st}, err
}

// askAct asks whether an act is meant.
func (s *Server) askAct(c *call) error {
	_, a, err := s.asked(c)
	if err != nil {
		return err
	}
	return s.showAsked(c, a, http.StatusOK)
}

func (s *Server) showAsked(c *call, a *asked, status int) error {
	return s.show(c, sheet{Name: "act", Title: c.words.say("act."+a.Name+".title", a.ID), Section: "campaigns", Status: status, Data: a})
}

// act does what was asked for.
func (s *Server) act(c *call) error {
	rec, a, err := s.asked(c)
	if err != nil {
		return err
	}
	if a.Typed && c.form("typed") != rec.ID {
		a.Wrong = "act.typed.wrong"
		return s.showAsked(c, a, http.StatusUnprocessableEntity)
	}
	switch a.Name {
	case "pause":
		_, err = c.desk.Pause(c.ctx, rec.ID)
	case "resume":
		_, err = c.desk.Resume(c.ctx, rec.ID)
	case "clear-pause":
		_, _, _, err = c.desk.ClearPause(c.ctx, rec.ID)
	case "skip-row":
		err = s.skip(c, rec)
	case "cancel":
		_, err = c.desk.Cancel(c.ctx, rec.ID)
	case "discard":
		err = c.desk.Discard(c.ctx, rec.ID)
	}
	s.changed(rec.ID)
	if errors.Is(err, campaign.ErrNotAllowed) {
		return &fault{Status: http.StatusConflict, Key: "state", Detail: string(rec.State)}
	}
	if err != nil {
		return err
	}
	if a.Name == "discard" {
		return c.goTo(said("/", "discard"))
	}
	return c.goTo(said("/campaigns/"+rec.ID, a.Name))
}

// skip rejects the row that a halted campaign was last about.
func (s *Server) skip(c *call, rec *campaign.Record) error {
	if rec.Row == 0 {
		return &desk.InvalidError{Err: errors.New("it was halted by no one row")}
	}
	_, _, err := c.desk.SkipRow(c.ctx, rec.ID, rec.Row)
	return err
}

// changed has a campaign be read anew.
func (s *Server) changed(id string) {
	s.shared.forget("status " + id)
	s.shared.forget("record " + id)
}
