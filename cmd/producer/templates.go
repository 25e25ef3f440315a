package main

import (
	"fmt"
	"text/tabwriter"

	"sluice/internal/accounts"
	"sluice/internal/sender"
)

type templatesCommand struct {
	Sender string `required:"" help:"The sender whose templates to list." placeholder:"NAME"`
	Name   string `help:"Only templates of this name, in all languages." placeholder:"NAME"`
	JSON   bool   `help:"Print one JSON object a line, as the provider tells it."`
}

// Run lists the templates of a sender's account.
func (c *templatesCommand) Run(a *app) error {
	senders, err := a.providers.Load(a.Senders, a.getenv)
	if err != nil {
		return &usageError{err}
	}
	s, err := senders.Get(c.Sender)
	if err != nil {
		return &usageError{fmt.Errorf("--sender: %w", err)}
	}
	p, err := a.providers.Open(s, a.now)
	if err != nil {
		return &usageError{err}
	}
	defer accounts.Close(p)
	lister, ok := p.(sender.TemplateLister)
	if !ok {
		return &usageError{fmt.Errorf("--sender: %s is of %s, which publishes no way to list templates; look into its console", c.Sender, s.Provider)}
	}
	templates, err := lister.Templates(a.ctx, c.Name)
	if err != nil {
		return fmt.Errorf("asking for the templates of %s: %w", c.Sender, err)
	}
	out := shown(a.out)
	if c.JSON {
		for i := range templates {
			if _, err := fmt.Fprintf(out, "%s\n", templates[i].JSON); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tLANGUAGE\tSTATUS\tCATEGORY\tQUALITY\tPARTS")
	for i := range templates {
		tpl := &templates[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", tpl.Name, tpl.Language, tpl.Status, tpl.Category, tpl.Quality, tpl.Parts)
	}
	return t.Flush()
}
