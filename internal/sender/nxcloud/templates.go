package nxcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"sluice/internal/sender"
)

// maxPages ends a list that never does; at 20 templates a page it is more than
// an account can have.
const maxPages = 1000

// maxTemplates is more than Meta lets any account have, which is 6000.
const maxTemplates = 10_000

// A Template is one template of the account in one language, as getTemplate
// tells it.
type Template struct {
	ID             string      `json:"id"`
	Category       string      `json:"category"`
	Language       string      `json:"language"`
	Name           string      `json:"name"`
	Status         string      `json:"status"`          // APPROVED, PENDING, REJECTED, PAUSED and so on
	RejectedReason string      `json:"rejected_reason"` // NONE or empty where it is not rejected
	QualityScore   Quality     `json:"quality_score"`
	Components     []Component `json:"components"`

	told []byte // as the provider has it, with what it has beside
}

// A Quality has Score GREEN, YELLOW, RED or UNKNOWN.
type Quality struct {
	Score string `json:"score"`
}

// A Component is a template's HEADER, BODY, FOOTER or BUTTONS.
type Component struct {
	Type    string           `json:"type"`
	Format  string           `json:"format,omitempty"` // of a HEADER: TEXT, DOCUMENT, IMAGE or VIDEO
	Text    string           `json:"text,omitempty"`   // variables stand in it as {{1}}, {{2}}
	Example *Example         `json:"example,omitempty"`
	Buttons []TemplateButton `json:"buttons,omitempty"`
}

// An Example is what the variables were filled with at the review.
type Example struct {
	HeaderHandle          Strings `json:"header_handle,omitempty"` // a link
	CustomHeaderHandleURL Strings `json:"custom_header_handle_url,omitempty"`
	HeaderText            Strings `json:"header_text,omitempty"`
	BodyText              Strings `json:"body_text,omitempty"`
}

// A TemplateButton is a QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE or FLOW.
type TemplateButton struct {
	Type           string  `json:"type"`
	Text           string  `json:"text,omitempty"`
	URL            string  `json:"url,omitempty"`
	PhoneNumber    string  `json:"phone_number,omitempty"`
	Example        Strings `json:"example,omitempty"`
	FlowID         string  `json:"flow_id,omitempty"`
	FlowAction     string  `json:"flow_action,omitempty"` // navigate or data_exchange
	NavigateScreen string  `json:"navigate_screen,omitempty"`
}

// Strings are read from a string, or from arrays of them however nested: the
// provider's table and its example differ.
type Strings []string

// UnmarshalJSON never fails on valid JSON.
func (s *Strings) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*s = flatten(nil, v)
	return nil
}

func flatten(to Strings, v any) Strings {
	switch v := v.(type) {
	case string:
		to = append(to, v)
	case []any:
		for _, element := range v {
			to = flatten(to, element)
		}
	}
	return to
}

// UnmarshalJSON takes an id that is a number as well.
func (t *Template) UnmarshalJSON(b []byte) error {
	type plain Template
	var w struct {
		plain
		ID scalar `json:"id"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*t = Template(w.plain)
	t.ID, t.told = string(w.ID), slices.Clone(b)
	return nil
}

// A page is the data of one answer.
type page struct {
	Data   []Template `json:"data"`
	Paging struct {
		Next    scalar `json:"next"` // an address of Meta's, that only the provider can use
		Cursors struct {
			After scalar `json:"after"`
		} `json:"cursors"`
	} `json:"paging"`
}

// Templates implements sender.TemplateLister.
func (p *Provider) Templates(ctx context.Context, name string) ([]sender.ListedTemplate, error) {
	templates, err := p.list(ctx, name)
	if err != nil {
		return nil, err
	}
	listed := make([]sender.ListedTemplate, len(templates))
	for i := range templates {
		if listed[i], err = templates[i].listed(); err != nil {
			return nil, err
		}
	}
	return listed, nil
}

// list lists the account's templates; with a name only those that have just
// this one, in all their languages. It looks at ctx between pages, of which each
// takes at most the timeout.
func (p *Provider) list(ctx context.Context, name string) ([]Template, error) {
	var all []Template
	seen := map[scalar]bool{}
	after := scalar("")
	for range maxPages {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("getting templates: %w", err)
		}
		got, err := p.templatePage(name, string(after))
		if err != nil {
			return nil, fmt.Errorf("getting templates: %w", err)
		}
		for _, t := range got.Data {
			if name == "" || t.Name == name {
				all = append(all, t)
			}
		}
		if len(all) > maxTemplates {
			return nil, fmt.Errorf("getting templates: the provider lists more than %d templates, which no account has", maxTemplates)
		}
		if got.Paging.Next == "" {
			return all, nil
		}
		after = got.Paging.Cursors.After
		if after == "" {
			return nil, errors.New("getting templates: the provider has another page and gives no cursor to it")
		}
		if seen[after] {
			return nil, errors.New("getting templates: the provider's pages go in a circle")
		}
		seen[after] = true
	}
	return nil, fmt.Errorf("getting templates: no end after %d pages", maxPages)
}

func (p *Provider) templatePage(name, after string) (page, error) {
	body := append([]byte(nil), `{"business_phone":`...)
	body = sender.AppendJSON(body, p.options.BusinessPhone)
	body = append(body, `,"appkey":`...)
	body = sender.AppendJSON(body, p.options.AppKey)
	body = append(body, `,"messaging_product":"whatsapp"`...)
	if after != "" {
		body = sender.AppendJSON(append(body, `,"after":`...), after)
	}
	if name != "" {
		body = sender.AppendJSON(append(body, `,"name":`...), name)
	}
	body = append(body, '}')
	answer, result := p.templates.post(p.http, body)
	if result != nil {
		return page{}, noTemplates(*result)
	}
	return readPage(answer)
}

// readPage reads one answer to getTemplate.
func readPage(a sender.Answer) (page, error) {
	e := open(a.Body)
	switch {
	case !e.ok:
		return page{}, noTemplates(a.ResultByStatus())
	case e.code != 0:
		return page{}, fmt.Errorf("code %d: %s", e.code, templateMeaning(e.code))
	case a.Status != http.StatusOK:
		return page{}, noTemplates(sender.Result{Outcome: sender.Unknown, Code: sender.HTTPCode(a.Status)})
	}
	var got page
	if len(e.Data) == 0 {
		return got, nil
	}
	if err := json.Unmarshal(e.Data, &got); err != nil {
		return page{}, fmt.Errorf("an answer that is not in the documented form: %w", err)
	}
	return got, nil
}

// noTemplates is the error for a request without an answer to read. A doubt
// about a list is no more than that: it can be asked for again.
func noTemplates(r sender.Result) error {
	if r.Outcome == sender.Unknown {
		return fmt.Errorf("%s: no usable answer; check template_base_url, or try again", r.Code)
	}
	return fmt.Errorf("%s: %s (here base_url is template_base_url)", r.Code, r.Code.Meaning(meaning))
}

// templateMeaning explains the codes of getTemplate, which has some of its own.
func templateMeaning(n int) string {
	switch n {
	case 1004:
		return "the signature has expired; set this machine's clock, which must be right to 60 seconds"
	case 9000:
		return "a parameter is missing; check appkey and business_phone in the senders file"
	case 9001:
		return "the provider's system failed; try again"
	case 9002:
		return "the merchant's number is wrong; check that business_phone in the senders file is a WhatsApp number of the account"
	case 9006:
		return "the number is not bound to the application; bind it in the provider's console"
	}
	if c, found := lookup(n); found {
		return c.meaning
	}
	return "a code that is in no table; ask the provider"
}
