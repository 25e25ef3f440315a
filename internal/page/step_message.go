package page

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/sender"
	"sluice/internal/token"
)

// A messageStep is the third step: a template, and what each recipient's text is.
type messageStep struct {
	Templates []sender.ListedTemplate // those that are approved
	Asked     bool
	Problem   string // why they could not be asked for
	Name      string // of the one that is looked at
	Language  string
	Slots     []slot
	N         int // variables of the body, where the template is not known
	Preview   *desk.Preview
	Bubble    []string // lines of the message as the row gets it
	Row       int
	Unseen    string // why there is no preview
	Hidden    bool
}

// mostVariables is how many variables a body has at most.
const mostVariables = 20

// message asks for the template and its variables.
func (s *Server) message(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	return s.showMessage(c, rec, d, "")
}

func (s *Server) showMessage(c *call, rec *campaign.Record, d *draft, wrong string) error {
	v := &messageStep{Hidden: !c.token.May(token.PII)}
	s.choose(c, d, v, c.r.URL.Query().Get("template"))
	if wrong == "" && d.Chosen() && v.Name == d.Message.Template.Name && v.Language == d.Message.Template.Language && !v.Hidden {
		if err := s.preview(c, rec, v); err != nil {
			return err
		}
	}
	return s.showStep(c, "message", rec, d, wrong, v)
}

// choose finds the template that is looked at: the one that is named as name|language,
// or the draft's own.
func (s *Server) choose(c *call, d *draft, v *messageStep, named string) {
	all, asked, err := s.Templates(c.ctx, d.Sender)
	if err != nil {
		v.Problem = err.Error()
	}
	v.Asked = asked && err == nil
	v.Templates = slices.DeleteFunc(all, func(t sender.ListedTemplate) bool { return t.Status != "APPROVED" })
	if name, language, ok := strings.Cut(named, "|"); ok {
		v.Name, v.Language = name, language
	} else if d.Chosen() {
		v.Name, v.Language = d.Message.Template.Name, d.Message.Template.Language
	}
	v.N = len(d.Message.Template.Body)
	if n, err := strconv.Atoi(c.r.FormValue("variables")); err == nil && n >= 0 && n <= mostVariables {
		v.N = n
	}
	i := slices.IndexFunc(v.Templates, func(t sender.ListedTemplate) bool { return t.Name == v.Name && t.Language == v.Language })
	if i >= 0 {
		v.Slots, _ = slotsOf(v.Templates[i].JSON)
	} else {
		for n := range v.N {
			v.Slots = append(v.Slots, slot{Key: "body" + strconv.Itoa(n+1), Kind: "text", N: n + 1})
		}
	}
	if v.Name == d.Message.Template.Name {
		fill(v.Slots, &d.Message.Template)
	}
	for i := range v.Slots { // a column of the variable's name is likely the one
		if sl := &v.Slots[i]; sl.Column == "" && sl.Text == "" && v.Name != d.Message.Template.Name {
			sl.Column = likely(sl.N, sl.Kind, d)
		}
	}
}

// likely guesses the column of a variable: the list's first ones beside the number.
func likely(n int, kind string, d *draft) string {
	if kind != "text" || n == 0 {
		return ""
	}
	others := slices.DeleteFunc(slices.Clone(d.Recipients.Columns), func(name string) bool { return name == d.Recipients.Phone })
	if n <= len(others) {
		return others[n-1]
	}
	return ""
}

// setMessage keeps template and variables.
func (s *Server) setMessage(c *call) error {
	rec, d, err := s.draftOf(c)
	if err != nil {
		return err
	}
	named := c.form("template")
	if named == "" && c.form("name") != "" {
		named = c.form("name") + "|" + cmp.Or(c.form("language"), "en_US")
	}
	v := &messageStep{}
	s.choose(c, d, v, named)
	if v.Name == "" {
		return s.showMessage(c, rec, d, c.words.say("message.none"))
	}
	category := ""
	for _, t := range v.Templates {
		if t.Name == v.Name && t.Language == v.Language {
			category = t.Category
		}
	}
	for i := range v.Slots {
		sl := &v.Slots[i]
		sl.Column, sl.Text = c.form("column-"+sl.Key), c.form("text-"+sl.Key)
		if sl.Column != "" && !slices.Contains(d.Recipients.Columns, sl.Column) {
			return s.showMessage(c, rec, d, c.words.say("message.no_column", sl.Column))
		}
	}
	m := messageOf(v.Name, v.Language, category, v.Slots)
	if _, err := s.keep(c, rec, func(top map[string]any) { top["message"] = m }); err != nil {
		wrong, err := wrongOf(err)
		if err != nil {
			return err
		}
		return s.showMessage(c, rec, d, wrong)
	}
	if c.form("look") != "" {
		return c.goTo("/campaigns/" + rec.ID + "/message")
	}
	return c.goTo("/campaigns/" + rec.ID + "/when")
}

// preview shows the message as a row gets it.
func (s *Server) preview(c *call, rec *campaign.Record, v *messageStep) error {
	v.Row, _ = strconv.Atoi(c.r.URL.Query().Get("row")) // what is none is the first recipient's
	v.Row = max(0, v.Row)
	p, err := c.desk.PrepareRecord(c.ctx, rec, !v.Asked)
	if err == nil {
		defer p.Close()
		v.Preview, err = c.desk.Preview(c.ctx, p, v.Row)
	}
	if err != nil {
		v.Unseen, err = wrongOf(err)
		return err
	}
	v.Row = v.Preview.Row
	if v.Preview.TemplateText != nil {
		v.Bubble = strings.Split(*v.Preview.TemplateText, "\n")
	}
	return nil
}
