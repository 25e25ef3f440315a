package nxcloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/sender"
)

// Preflight implements sender.Preflighter: it asks for the account's templates,
// and holds the message against them.
func (p *Provider) Preflight(ctx context.Context, m sender.Message) (warnings []string, asked bool, err error) {
	if m.Template == nil {
		return nil, false, nil
	}
	templates, err := p.list(ctx, m.Template.Name)
	if err == nil && len(templates) == 0 {
		templates, err = p.list(ctx, "") // so that the error can say what there is
	}
	if err != nil {
		return nil, false, err
	}
	if warnings, err = fit(m, templates); err != nil {
		err = &sender.UnfitError{Err: err}
	}
	return warnings, true, err
}

// fit holds a template message against the account's templates. Its error names
// each thing that does not fit, one a line, with what to change; a warning is no
// reason not to send.
func fit(m sender.Message, ts []Template) (warnings []string, err error) {
	t, err := find(*m.Template, ts)
	if err != nil {
		return nil, err
	}
	if err := approved(t); err != nil {
		return nil, err
	}
	fits := errors.Join(
		headerFits(m.Template.Header, t),
		bodyFits(m.Template.Body, t, &warnings),
		buttonsFit(m.Template.Buttons, t),
	)
	if strings.EqualFold(t.QualityScore.Score, "RED") {
		warnings = append(warnings, fmt.Sprintf("template %q (%s) has low quality (RED): people block or report it, and Meta may pause it during the campaign", t.Name, t.Language))
	}
	return warnings, fits
}

// find is the template of this name in this language.
func find(want sender.Template, ts []Template) (Template, error) {
	var languages, names []string
	for _, t := range ts {
		switch {
		case t.Name == want.Name && t.Language == want.Language:
			return t, nil
		case t.Name == want.Name:
			languages = append(languages, t.Language)
		case !slices.Contains(names, t.Name):
			names = append(names, t.Name)
		}
	}
	switch {
	case len(languages) > 0:
		return Template{}, fmt.Errorf("message.template.language: template %q does not exist in %s; it exists in %s: use one of these, or create it",
			want.Name, want.Language, strings.Join(languages, ", "))
	case len(names) > 0:
		return Template{}, fmt.Errorf("message.template.name: template %q does not exist in the account; did you mean %q?", want.Name, sender.Nearest(want.Name, names))
	}
	return Template{}, fmt.Errorf("message.template.name: template %q does not exist in the account; correct the name, or create it", want.Name)
}

// approved refuses every status but APPROVED.
func approved(t Template) error {
	if t.Status == "APPROVED" {
		return nil
	}
	status := t.Status
	if status == "" {
		status = "without a status"
	}
	if r := t.RejectedReason; r != "" && r != "NONE" {
		status += " (" + r + ")"
	}
	return fmt.Errorf("message.template.name: template %q (%s) is %s; %s", t.Name, t.Language, status, statusAdvice(t.Status))
}

func statusAdvice(status string) string {
	switch status {
	case "PENDING", "IN_APPEAL":
		return "wait until it is approved, or use another"
	case "REJECTED":
		return "correct and submit it again, or use another"
	case "PAUSED":
		return "it is paused for its quality: wait until it is active again, or use another"
	case "DISABLED", "DELETED", "PENDING_DELETION":
		return "use another"
	case "LIMIT_EXCEEDED":
		return "the account has reached a limit of templates: remove some, or use another"
	}
	return "only an APPROVED template can be sent"
}

func headerFits(h *sender.Header, t Template) error {
	const path = "message.template.header"
	i := slices.IndexFunc(t.Components, func(c Component) bool { return strings.EqualFold(c.Type, "HEADER") })
	if i < 0 {
		if h != nil {
			return fmt.Errorf("%s: the template has no header; remove it", path)
		}
		return nil
	}
	header := t.Components[i]
	switch format := strings.ToUpper(header.Format); format {
	case "IMAGE":
		if h == nil || h.Image == "" {
			return fmt.Errorf("%s: the template's header is an image; add header: {image: LINK}", path)
		}
	case "TEXT", "":
		if len(variables(header.Text)) > 0 {
			return fmt.Errorf("%s: the template's header is a text with a variable, for which nxcloud documents no parameter; use a template without it", path)
		}
		if h != nil {
			return fmt.Errorf("%s: the template's header is a text without variables; remove it", path)
		}
	case "LOCATION", "VIDEO", "DOCUMENT":
		return fmt.Errorf("%s: the template's header is a %s, for which nxcloud documents no parameter; use a template with an image", path, strings.ToLower(format))
	default:
		return fmt.Errorf("%s: the template's header has the format %q, which nxcloud does not document; use a template with an image", path, header.Format)
	}
	return nil
}

// bodyFits counts the variables. Where the text repeats one, the provider asks
// for a value at each place, and Meta for one in all: either number passes, the
// latter with a warning.
func bodyFits(body []string, t Template, warnings *[]string) error {
	var places []string
	for _, c := range t.Components {
		if strings.EqualFold(c.Type, "BODY") {
			places = append(places, variables(c.Text)...)
		}
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(places)))
	switch have := len(body); {
	case have == len(places):
		return nil
	case have == len(distinct):
		*warnings = append(*warnings, fmt.Sprintf("message.template.body: the template's text repeats a variable; nxcloud asks for a value at each of its %d places, and there are %d values", len(places), have))
		return nil
	case have < len(places):
		return fmt.Errorf("message.template.body: has %d of the %d values that the template's text needs (%s); add %d", have, len(places), strings.Join(places, " "), len(places)-have)
	default:
		return fmt.Errorf("message.template.body: the template's text needs %d values and there are %d; remove %d", len(places), have, have-len(places))
	}
}

func buttonsFit(given []sender.Button, t Template) error {
	var buttons []TemplateButton
	for _, c := range t.Components {
		if strings.EqualFold(c.Type, "BUTTONS") {
			buttons = append(buttons, c.Buttons...)
		}
	}
	var all []error
	for i, g := range given {
		path := fmt.Sprintf("message.template.buttons[%d]", i)
		switch {
		case len(buttons) == 0:
			all = append(all, fmt.Errorf("%s: the template has no buttons; remove it", path))
		case g.Index < 0 || g.Index >= len(buttons):
			all = append(all, fmt.Errorf("%s.index: the template has no button %d, its buttons are 0 to %d", path, g.Index, len(buttons)-1))
		default:
			if err := buttonFits(g, buttons[g.Index]); err != nil {
				all = append(all, fmt.Errorf("%s: %w", path, err))
			}
		}
	}
	for i, b := range buttons {
		name := needs(b)
		if name != "" && !slices.ContainsFunc(given, func(g sender.Button) bool { return g.Index == i }) {
			all = append(all, fmt.Errorf("message.template.buttons: the template's button %d (%s %q) has a variable; add {index: %d, %s: VALUE}", i, b.Type, b.Text, i, name))
		}
	}
	return errors.Join(all...)
}

// buttonFits holds a campaign's button against the template's at its place.
func buttonFits(g sender.Button, b TemplateButton) error {
	has := "url"
	if g.CopyCode != "" {
		has = "copy_code"
	}
	switch name := needs(b); {
	case name == "" && strings.EqualFold(b.Type, "URL"):
		return fmt.Errorf("the template's button %d (URL %q) has no variable; remove it", g.Index, b.Text)
	case name == "":
		return fmt.Errorf("the template's button %d (%s %q) takes no variable; remove it", g.Index, b.Type, b.Text)
	case name != has:
		return fmt.Errorf("the template's button %d (%s %q) takes %s, not %s", g.Index, b.Type, b.Text, name, has)
	}
	return nil
}

// needs is the campaign's field for the button's variable, or "".
func needs(b TemplateButton) string {
	switch strings.ToUpper(b.Type) {
	case "URL":
		if len(variables(b.URL)) > 0 {
			return "url"
		}
	case "COPY_CODE":
		return "copy_code"
	}
	return ""
}

// variables are the placeholders of a template's text, such as {{1}}, in order
// and as often as they are there.
func variables(s string) []string {
	var all []string
	for {
		_, rest, found := strings.Cut(s, "{{")
		if !found {
			return all
		}
		inner, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return all
		}
		if name := strings.TrimSpace(inner); name != "" {
			all = append(all, "{{"+name+"}}")
		}
		s = after
	}
}
