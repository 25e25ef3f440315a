package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pageSize is the documented default of getTemplate.
const pageSize = 20

// A Template is a message template in the form that getTemplate documents.
type Template struct {
	ID             string      `json:"id"`
	Category       string      `json:"category"`
	Language       string      `json:"language"`
	Name           string      `json:"name"`
	Status         string      `json:"status"`
	RejectedReason string      `json:"rejected_reason,omitempty"`
	QualityScore   Quality     `json:"quality_score"`
	Components     []Component `json:"components"`
}

// Quality is GREEN, YELLOW, RED or UNKNOWN.
type Quality struct {
	Score string `json:"score"`
}

// A Component is one part of a template.
type Component struct {
	Type    string   `json:"type"`
	Format  string   `json:"format,omitempty"`
	Text    string   `json:"text,omitempty"`
	Buttons []Button `json:"buttons,omitempty"`
}

// A Button is one button of a template.
type Button struct {
	Type string `json:"type"`
	Text string `json:"text"`
	URL  string `json:"url,omitempty"`
}

// DefaultTemplates are those that the examples use.
func DefaultTemplates() []Template {
	var all []Template
	add := func(name, status string, languages []string, components ...Component) {
		for _, language := range languages {
			t := Template{
				ID: fmt.Sprintf("15%08d", len(all)+1), Category: "MARKETING", Language: language, Name: name,
				Status: status, QualityScore: Quality{Score: "GREEN"}, Components: components,
			}
			if status == "REJECTED" {
				t.RejectedReason = "INVALID_FORMAT"
			}
			all = append(all, t)
		}
	}
	body := func(text string) Component { return Component{Type: "BODY", Text: text} }
	add("spring_sale", "APPROVED", []string{"pt_BR", "en_US"},
		Component{Type: "HEADER", Format: "IMAGE"}, body("Hello {{1}}, {{2}} off today."),
		Component{Type: "BUTTONS", Buttons: []Button{
			{Type: "URL", Text: "Shop", URL: "https://shop.example.com/{{1}}"}, {Type: "COPY_CODE", Text: "Copy"},
		}})
	add("order_update", "APPROVED", []string{"en_US"}, body("Hello {{1}}, your order is on its way."))
	add("text_template", "APPROVED", []string{"en_US"}, body("Hello {{1}}."))
	add("plain_news", "APPROVED", []string{"en_US", "pt_BR"}, body("News from us."))
	add("paused_promo", "PAUSED", []string{"en_US"}, body("A promotion."))
	add("rejected_promo", "REJECTED", []string{"en_US"}, body("A promotion."))
	return all
}

func (t *Template) headerVariables() int {
	for _, c := range t.Components {
		if c.Type == "HEADER" && (c.Format != "TEXT" || strings.Contains(c.Text, "{{")) {
			return 1
		}
	}
	return 0
}

func (t *Template) bodyVariables() int {
	n := 0
	for _, c := range t.Components {
		if c.Type == "BODY" {
			for strings.Contains(c.Text, fmt.Sprintf("{{%d}}", n+1)) {
				n++
			}
		}
	}
	return n
}

func (t *Template) buttonVariables() int {
	n := 0
	for _, c := range t.Components {
		for _, b := range c.Buttons {
			if b.Type == "COPY_CODE" || b.Type == "URL" && strings.Contains(b.URL, "{{") {
				n++
			}
		}
	}
	return n
}

// serveTemplates is getTemplate: pages by cursor, filtered by name.
func (s *Sandbox) serveTemplates(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	answer, ok := s.authorise(r.Header, "getTemplate", body)
	var q struct {
		AppKey           string `json:"appkey"`
		BusinessPhone    string `json:"business_phone"`
		MessagingProduct string `json:"messaging_product"`
		After            string `json:"after"`
		Before           string `json:"before"`
		Limit            int    `json:"limit"`
		Name             string `json:"name"`
	}
	switch {
	case !ok:
	case json.Unmarshal(body, &q) != nil || q.AppKey == "" || q.BusinessPhone == "" || q.MessagingProduct != "whatsapp":
		answer = nxViolation("9000", "getTemplate without a field that it needs")
	case q.BusinessPhone != s.o.NX.BusinessPhone:
		answer = nxError("9002", "merchant phone number error")
	default:
		answer = s.page(q.Name, q.After, q.Limit)
	}
	if answer.violation != "" {
		s.mu.Lock()
		s.book.violate(answer.violation)
		s.mu.Unlock()
	}
	answer.write(w, r)
}

func (s *Sandbox) page(name, after string, limit int) reply {
	s.mu.Lock()
	all := slices.Clone(s.templates)
	s.mu.Unlock()
	if name != "" {
		all = slices.DeleteFunc(all, func(t Template) bool { return t.Name != name })
	}
	if limit <= 0 {
		limit = pageSize
	}
	from, _ := strconv.Atoi(strings.TrimPrefix(after, "cursor-"))
	from = min(max(from, 0), len(all))
	to := min(from+limit, len(all))
	paging := map[string]any{"cursors": map[string]string{
		"before": fmt.Sprintf("cursor-%d", from), "after": fmt.Sprintf("cursor-%d", to),
	}}
	if to < len(all) {
		paging["next"] = fmt.Sprintf("https://graph.facebook.com/v15.0/10/message_templates?limit=%d&after=cursor-%d", limit, to)
	}
	return jsonReply(nxAnswer{Message: "ok", Data: map[string]any{"data": all[from:to], "paging": paging}})
}
