package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/parts"
)

// A campaign is composed in six steps, each a page of its own. What is said in a step is
// kept in the draft at once, so that a browser may be closed in the middle, and another
// person go on.
var steps = []string{"list", "columns", "message", "when", "check", "launch"}

// notChosen is the template of a draft of which nobody has chosen one yet: none may have
// this name.
const notChosen = "to_be_chosen"

// A composition is what every step's page has.
type composition struct {
	ID    string
	Step  string
	Steps []string
	Wrong string // why what was said is not kept
	Done  int    // steps that are behind
	Step1 *listStep
	Draft *draft
	More  any // the step's own
}

func (s *Server) showStep(c *call, step string, rec *campaign.Record, d *draft, wrong string, more any) error {
	at := slices.Index(steps, step)
	v := &composition{Step: step, Steps: steps, Wrong: wrong, Done: at, Draft: d, More: more}
	title := c.words.say("step." + step + ".title")
	if rec != nil {
		v.ID = rec.ID
	}
	code := http.StatusOK
	if wrong != "" {
		code = http.StatusUnprocessableEntity
	}
	return s.show(c, sheet{Name: "step-" + step, Title: title, Section: "campaigns", Status: code, Data: v})
}

// draftOf is the draft that the path names, with its object.
func (s *Server) draftOf(c *call) (*campaign.Record, *draft, error) {
	rec, err := c.record()
	if err != nil {
		return nil, nil, err
	}
	if rec.State != campaign.Draft {
		return rec, nil, &fault{Status: http.StatusConflict, Key: "state", Detail: string(rec.State)}
	}
	d := &draft{}
	if err := json.Unmarshal(rec.Raw, d); err != nil {
		return rec, nil, &fault{Status: http.StatusConflict, Key: "not_here"}
	}
	if d.Recipients.Columns, err = s.columnsOf(c, rec); err != nil {
		return rec, nil, err
	}
	return rec, d, nil
}

func (s *Server) columnsOf(c *call, rec *campaign.Record) ([]string, error) {
	all, err := c.desk.Parts(c.ctx, rec)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0].Columns, nil
}

// keep puts what a step says in the place of what the draft has. Keys of the object that
// no step knows stay as they are.
func (s *Server) keep(c *call, rec *campaign.Record, change func(top map[string]any)) (*campaign.Record, error) {
	top := map[string]any{}
	if err := json.Unmarshal(rec.Raw, &top); err != nil {
		return nil, &fault{Status: http.StatusConflict, Key: "not_here"}
	}
	change(top)
	g, err := s.given(c, top, rec.Labels, rec.Callback)
	if err != nil {
		return nil, err
	}
	return c.desk.Redraft(c.ctx, rec.ETag, g)
}

// given reads an object as a campaign that the token may compose.
func (s *Server) given(c *call, top map[string]any, labels map[string]string, callback []byte) (*campaign.Given, error) {
	text, err := json.Marshal(top)
	if err != nil {
		return nil, fmt.Errorf("writing the campaign: %w", err)
	}
	g, err := c.desk.Compose(text, labels, callback, c.token.Knows)
	if err != nil {
		return nil, err
	}
	if callback != nil {
		var cb desk.Callback
		if err := json.Unmarshal(callback, &cb); err != nil {
			return nil, fmt.Errorf("reading where to tell: %w", err)
		}
		if g.Tells = cb.Events; len(g.Tells) == 0 {
			g.Tells = campaign.Events
		}
	}
	return g, nil
}

// wrongOf is what is wrong with what was said, for the page on which it was; other
// errors have a page of their own.
func wrongOf(err error) (string, error) {
	var wrong *desk.InvalidError
	var part *parts.InvalidError
	if errors.As(err, &part) {
		return part.Error(), nil
	}
	if errors.As(err, &wrong) {
		return plain(wrong.Error()), nil
	}
	return "", err
}

// A draft is as much of a campaign's object as the steps show.
type draft struct {
	ID      string `json:"id"`
	Sender  string `json:"sender"`
	Message struct {
		Type     string        `json:"type"`
		Template templateDraft `json:"template"`
	} `json:"message"`
	Recipients struct {
		Phone   string   `json:"phone"`
		Country string   `json:"default_country"`
		Columns []string `json:"-"`
	} `json:"recipients"`
	OnDoubt  string `json:"on_doubt"`
	Priority string `json:"priority"`
	Rate     struct {
		MessagesPerSecond float64 `json:"messages_per_second"`
	} `json:"rate"`
	StartAt string           `json:"start_at"`
	Window  *campaign.Window `json:"window"`
}

type templateDraft struct {
	Name     string            `json:"name"`
	Language string            `json:"language"`
	Header   map[string]string `json:"header"`
	Body     []string          `json:"body"`
	Buttons  []struct {
		Index    int    `json:"index"`
		URL      string `json:"url"`
		CopyCode string `json:"copy_code"`
		Payload  string `json:"payload"`
	} `json:"buttons"`
}

// Chosen says that a template was chosen.
func (d *draft) Chosen() bool {
	return d.Message.Type != "template" || d.Message.Template.Name != notChosen
}

// object is a member of an object that is one itself, made where it is not there.
func object(top map[string]any, name string) map[string]any {
	m, ok := top[name].(map[string]any)
	if !ok {
		m = map[string]any{}
		top[name] = m
	}
	return m
}

// put sets a member, or takes it away where there is nothing to say.
func put(m map[string]any, name, value string) {
	if value = strings.TrimSpace(value); value == "" {
		delete(m, name)
	} else {
		m[name] = value
	}
}
