package main

import (
	"strings"

	"sluice/internal/desk"
)

type previewCommand struct {
	Campaign   string   `arg:"" help:"The campaign file (YAML); - is standard input." placeholder:"CAMPAIGN.yaml"`
	Row        int      `help:"The row of the list, the first one below the header being 1; the first recipient's if not given." placeholder:"N"`
	Recipients []string `sep:"none" help:"Read the recipients from this file instead of the campaign file's; - is standard input. Given again, the files are one list, in order." placeholder:"FILE"`
	Preflight  bool     `default:"true" negatable:"" help:"Ask the provider for the template's own text, where that can be asked for."`
	JSON       bool     `help:"Print one JSON object."`
}

// Run shows the message as a row gets it.
func (c *previewCommand) Run(a *app) error {
	p, err := a.prepare(desk.Order{Name: c.Campaign, Lists: c.Recipients, SkipPreflight: !c.Preflight})
	if err != nil {
		return err
	}
	defer p.Close()
	preview, err := a.desk.Preview(a.ctx, p, c.Row)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, preview)
	}
	return printPreview(&printer{w: shown(a.out)}, preview)
}

func printPreview(out *printer, p *desk.Preview) error {
	out.printf("row %d of %s, by %s\n", p.Row, p.ID, p.Sender)
	if p.Invalid != nil {
		out.printf("  gets no message: %s\n", *p.Invalid)
		return out.err
	}
	out.printf("  to %s\n\nthe message\n", p.Phone)
	for _, f := range p.Message.Fields() {
		out.printf("  %s: %s\n", f.Path, indented(f.Text))
	}
	if p.TemplateText != nil {
		out.printf("\nthe template's text\n  %s\n", indented(*p.TemplateText))
	}
	if p.TemplateProblem != "" {
		out.printf("\nthe template's text is not to be had: %s\n", p.TemplateProblem)
	}
	if p.Request != nil {
		out.printf("\nthe request\n  %s %s\n  %s\n", p.Request.Method, p.Request.URL, p.Request.Body)
	}
	return out.err
}

// indented has the lines of a text below its first one stand where that does.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }
