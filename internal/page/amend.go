package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/sender"
)

// An amending is the page on which a paused or halted campaign gets a corrected message,
// for those who are still to get it.
type amending struct {
	messageStep

	ID       string
	State    campaign.State
	Reason   string // why it halted
	Waiting  int
	Columns  []string // that the list was imported with
	Text     string   // the message as a campaign file has it
	ByText   bool     // it is written so: the form has no place for all of it
	MayForm  bool
	Revision int
	Wrong    string

	rec   *campaign.Record
	file  *campaign.File
	draft *draft // as much of it as the form shows
}

// amendingOf is a campaign's page of its message, as that is now.
func (s *Server) amendingOf(c *call) (*amending, error) {
	rec, err := c.record()
	if err != nil {
		return nil, err
	}
	if rec.State != campaign.Paused && rec.State != campaign.Halted {
		return nil, &fault{Status: http.StatusConflict, Key: "not_still", Detail: string(rec.State)}
	}
	a := &amending{ID: rec.ID, State: rec.State, Reason: rec.Reason, Revision: rec.Revision, rec: rec, draft: &draft{Sender: rec.Sender}}
	if a.file, err = rec.File(); err != nil {
		return nil, err
	}
	st, err := c.desk.Status(c.ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	a.Waiting = st.Pending
	columns, err := a.file.Columns()
	if err != nil {
		return nil, err
	}
	for _, column := range columns {
		a.Columns = append(a.Columns, column.Name)
	}
	text, err := json.MarshalIndent(a.file.Message, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the message of %s: %w", rec.ID, err)
	}
	a.Text, a.draft.Recipients.Columns = string(text), a.Columns
	if err := json.Unmarshal(text, &a.draft.Message); err != nil {
		return nil, fmt.Errorf("reading the message of %s: %w", rec.ID, err)
	}
	return a, nil
}

// amendPage shows the message as it is, to be corrected.
func (s *Server) amendPage(c *call) error {
	a, err := s.amendingOf(c)
	if err != nil {
		return err
	}
	s.form(c, a, c.r.URL.Query().Get("template"))
	a.ByText = !a.MayForm || c.r.URL.Query().Get("as") == "text"
	return s.showAmending(c, a, http.StatusOK)
}

func (s *Server) showAmending(c *call, a *amending, status int) error {
	return s.show(c, sheet{Name: "amend", Title: c.words.say("amend.title", a.ID), Section: "campaigns", Status: status, Data: a})
}

// form finds the template that is looked at, and whether a form has a place for all
// that the message says.
func (s *Server) form(c *call, a *amending, named string) {
	now := &a.file.Message
	if now.Type != "template" {
		return
	}
	s.choose(c, a.draft, &a.messageStep, named)
	same := &messageStep{}
	s.choose(c, a.draft, same, "")
	m, err := messageWith(same.Name, same.Language, now.Template.Category, same.Slots)
	a.MayForm = err == nil && reflect.DeepEqual(m, now)
}

// messageWith is messageOf, as campaign files have it.
func messageWith(name, language, category string, slots []slot) (*sender.Message, error) {
	text, err := json.Marshal(messageOf(name, language, category, slots))
	m := &sender.Message{}
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	return m, nil
}

// amend puts another message in the place of a campaign's.
func (s *Server) amend(c *call) error {
	a, err := s.amendingOf(c)
	if err != nil {
		return err
	}
	rec := a.rec
	s.form(c, a, c.form("template"))
	a.ByText = c.form("as") == "text" || !a.MayForm
	m, wrong := s.amended(c, a)
	if wrong != "" {
		a.Wrong = wrong
		return s.showAmending(c, a, http.StatusUnprocessableEntity)
	}
	text, err := rec.WithMessage(m)
	if err != nil {
		return err
	}
	done, err := c.desk.Amend(c.ctx, desk.AmendOrder{ID: rec.ID, Text: text, Name: "message"})
	s.changed(rec.ID)
	if errors.Is(err, campaign.ErrNotAllowed) {
		return &fault{Status: http.StatusConflict, Key: "not_still", Detail: string(rec.State)}
	}
	if err != nil {
		if a.Wrong, err = wrongOf(err); err != nil {
			return err
		}
		return s.showAmending(c, a, http.StatusUnprocessableEntity)
	}
	what := "amended"
	if done.Before {
		what = "amended-before"
	}
	return c.goTo(said("/campaigns/"+rec.ID, what))
}

// amended is the message that the form says, or what is wrong with it.
func (s *Server) amended(c *call, a *amending) (m *sender.Message, wrong string) {
	if a.ByText {
		a.Text = c.form("text")
		m = &sender.Message{}
		d := json.NewDecoder(bytes.NewReader([]byte(a.Text)))
		d.DisallowUnknownFields()
		if err := d.Decode(m); err != nil || d.More() {
			return nil, c.words.say("amend.text.wrong")
		}
		return m, ""
	}
	for i := range a.Slots {
		sl := &a.Slots[i]
		sl.Column, sl.Text = c.form("column-"+sl.Key), c.form("text-"+sl.Key)
		if sl.Column != "" && !slices.Contains(a.Columns, sl.Column) {
			return nil, c.words.say("message.no_column", sl.Column)
		}
	}
	category := ""
	for _, t := range a.Templates {
		if t.Name == a.Name && t.Language == a.Language {
			category = strings.ToLower(t.Category)
		}
	}
	if now := a.file.Message.Template; now.Name == a.Name && now.Language == a.Language {
		category = now.Category
	}
	m, err := messageWith(a.Name, a.Language, category, a.Slots)
	if err != nil {
		return nil, err.Error()
	}
	return m, ""
}
