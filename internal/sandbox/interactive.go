package sandbox

import (
	"fmt"
	"unicode/utf8"
)

type innoInteractive struct {
	Type   string      `json:"type"`
	Header *innoHeader `json:"header"`
	Body   *innoText   `json:"body"`
	Footer *innoText   `json:"footer"`
	Action *innoAction `json:"action"`
}

type innoText struct {
	Text string `json:"text"`
}

type innoAction struct {
	CatalogID         string        `json:"catalogId"`
	ProductRetailerID string        `json:"productRetailerId"`
	Button            string        `json:"button"`
	Buttons           []innoReply   `json:"buttons"`
	Sections          []innoSection `json:"sections"`
}

type innoReply struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	ID    string `json:"id"`
}

type innoSection struct {
	Title string `json:"title"`
	Rows  []struct {
		Title       string `json:"title"`
		ID          string `json:"id"`
		Description string `json:"description"`
	} `json:"rows"`
	ProductItems []struct {
		ProductRetailerID string `json:"productRetailerId"`
	} `json:"productItems"`
}

// broken checks an interactive message against the documents' tables.
func (m *innoInteractive) broken() string {
	switch {
	case m == nil || m.Action == nil:
		return "no interactive or no action"
	case m.Type != "product" && (m.Body == nil || m.Body.Text == ""):
		return "no body"
	case m.Type == "product" && m.Header != nil:
		return "product with a header"
	case m.Type == "product_list" && m.Header == nil:
		return "product_list without a header"
	}
	for _, s := range m.Action.Sections {
		if utf8.RuneCountInString(s.Title) > 24 || len(m.Action.Sections) > 1 && s.Title == "" {
			return "a section title that is missing or over 24 characters"
		}
	}
	switch m.Type {
	case "button":
		return m.Action.brokenButtons()
	case "list":
		return m.Action.brokenList()
	case "product":
		if m.Action.CatalogID == "" || m.Action.ProductRetailerID == "" || len(m.Action.ProductRetailerID) > 100 {
			return "no catalogId or productRetailerId"
		}
	case "product_list":
		return m.Action.brokenProducts()
	default:
		return fmt.Sprintf("type %q", m.Type)
	}
	return ""
}

func (a *innoAction) brokenButtons() string {
	titles := map[string]bool{}
	for _, b := range a.Buttons {
		if b.Type != "reply" || b.Title == "" || utf8.RuneCountInString(b.Title) > 20 || titles[b.Title] || len(b.ID) > 256 {
			return "a button that breaks a rule"
		}
		titles[b.Title] = true
	}
	if len(a.Buttons) == 0 {
		return "no buttons"
	}
	return ""
}

func (a *innoAction) brokenList() string {
	if a.Button == "" || len(a.Sections) == 0 {
		return "no button or no sections"
	}
	for _, s := range a.Sections {
		if len(s.Rows) == 0 || len(s.Rows) > 10 {
			return "a section without rows or with more than 10"
		}
		for _, r := range s.Rows {
			if r.Title == "" || utf8.RuneCountInString(r.Title) > 24 || r.ID == "" || len(r.ID) > 200 {
				return "a row that breaks a rule"
			}
		}
	}
	return ""
}

func (a *innoAction) brokenProducts() string {
	n := 0
	for _, s := range a.Sections {
		if len(s.ProductItems) == 0 {
			return "a section without products"
		}
		n += len(s.ProductItems)
	}
	if a.CatalogID == "" || n == 0 || n > 30 {
		return "no catalogId, or products that are not 1 to 30"
	}
	return ""
}
