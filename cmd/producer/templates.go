package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"sluice/internal/accounts"
	"sluice/internal/config"
	"sluice/internal/sender/nxcloud"
)

type templatesCommand struct {
	Sender string `required:"" help:"The sender whose templates to list." placeholder:"NAME"`
	Name   string `help:"Only templates of this name, in all languages." placeholder:"NAME"`
	JSON   bool   `help:"Print one JSON object a line, as the provider tells it."`
}

// Run lists the templates of a sender's account.
func (c *templatesCommand) Run(a *app) error {
	senders, err := config.LoadSenders(a.Senders, a.getenv)
	if err != nil {
		return &usageError{err}
	}
	s, err := senders.Get(c.Sender)
	if err != nil {
		return &usageError{fmt.Errorf("--sender: %w", err)}
	}
	if s.Provider != config.NXCloud {
		return &usageError{fmt.Errorf("--sender: %s is of %s, which publishes no way to list templates; look into its console", c.Sender, s.Provider)}
	}
	p, err := accounts.OpenNXCloud(s, a.now)
	if err != nil {
		return &usageError{err}
	}
	defer p.Close()
	templates, err := p.Templates(a.ctx, c.Name)
	if err != nil {
		return fmt.Errorf("asking for the templates of %s: %w", c.Sender, err)
	}
	if c.JSON {
		for i := range templates {
			if err := printJSON(a.out, &templates[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tLANGUAGE\tSTATUS\tCATEGORY\tQUALITY\tPARTS")
	for i := range templates {
		tpl := &templates[i]
		status := tpl.Status
		if status == "REJECTED" && tpl.RejectedReason != "" {
			status += " (" + tpl.RejectedReason + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", tpl.Name, tpl.Language, status, tpl.Category, tpl.QualityScore.Score, parts(tpl))
	}
	return t.Flush()
}

// parts says in a few words what a template is made of.
func parts(t *nxcloud.Template) string {
	var words []string
	for _, c := range t.Components {
		word := strings.ToLower(c.Type)
		if c.Format != "" {
			word += " " + strings.ToLower(c.Format)
		}
		if n := strings.Count(c.Text, "{{"); n > 0 {
			word += fmt.Sprintf(" with %d variables", n)
		}
		for _, b := range c.Buttons {
			word += " " + strings.ToLower(b.Type)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
