package nxcloud

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// Preview implements sender.Previewer.
func (s *submitter) Preview(ref sender.Ref, r *batch.Recipient) sender.Request {
	body := s.message.appendWhole(nil, s.message.masked, r, s.provider.reference(ref), s.message.maskedEnd)
	return sender.Request{Method: http.MethodPost, URL: s.provider.send.url, Body: body}
}

// TemplateText implements sender.TemplateTeller.
func (p *Provider) TemplateText(ctx context.Context, m sender.Message) (text string, asked bool, err error) {
	if m.Template == nil {
		return "", false, nil
	}
	templates, err := p.list(ctx, m.Template.Name)
	if err != nil {
		return "", true, err
	}
	t, err := find(*m.Template, templates)
	if err != nil {
		return "", true, err
	}
	return t.read(m.Template), true, nil
}

// read is the template as a person sees it, a part a line.
func (t *Template) read(m *sender.Template) string {
	var lines []string
	for _, c := range t.Components {
		switch strings.ToUpper(c.Type) {
		case "HEADER":
			lines = append(lines, c.header(m.Header))
		case "BUTTONS":
			for i, b := range c.Buttons {
				lines = append(lines, b.read(i, m.Buttons))
			}
		case "BODY":
			lines = append(lines, filled(c.Text, m.Body))
		default:
			lines = append(lines, c.Text)
		}
	}
	return strings.Join(lines, "\n")
}

func (c *Component) header(h *sender.Header) string {
	if c.Text != "" {
		return c.Text
	}
	link := ""
	if h != nil {
		link = " " + h.Image
	}
	return "[" + strings.ToLower(c.Format) + link + "]"
}

func (b *TemplateButton) read(index int, given []sender.Button) string {
	text := "[" + b.Text + "]"
	url := b.URL
	if i := slices.IndexFunc(given, func(g sender.Button) bool { return g.Index == index }); i >= 0 {
		if given[i].CopyCode != "" {
			return text + " " + given[i].CopyCode
		}
		if given[i].Payload != "" {
			return text
		}
		url = filled(url, []string{given[i].URL})
	}
	if url != "" {
		text += " " + url
	}
	return text
}

// place finds a variable in a template's text, as variables does.
var place = regexp.MustCompile(`(?s){{(.*?)}}`)

// filled puts the values where a text's variables are: each by the variable's own
// number, or, where there is a value for each place of a repeated variable, one
// after the other. A variable without a value stays as it is.
func filled(text string, values []string) string {
	places := variables(text)
	var distinct []string
	for _, name := range places {
		if !slices.Contains(distinct, name) {
			distinct = append(distinct, name)
		}
	}
	next := 0
	return place.ReplaceAllStringFunc(text, func(found string) string {
		name := strings.TrimSpace(found[2 : len(found)-2])
		if name == "" {
			return found
		}
		at := next
		next++
		if len(values) != len(places) || len(places) == len(distinct) {
			if n, err := strconv.Atoi(name); err == nil {
				at = n - 1
			} else {
				at = slices.Index(distinct, "{{"+name+"}}")
			}
		}
		if at < 0 || at >= len(values) {
			return found
		}
		return values[at]
	})
}
