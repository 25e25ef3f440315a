package main

import (
	"sluice/internal/desk"
)

type findCommand struct {
	Number  string `arg:"" help:"The number, with its country's code; any spelling that WhatsApp takes for the same person will do."`
	Country string `help:"The country of a number in national form, such as BR." placeholder:"XX"`
	JSON    bool   `help:"Print one JSON object."`
}

// Run says what a number got.
func (c *findCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	person, err := a.desk.Find(a.ctx, c.Number, c.Country)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, person)
	}
	return printPerson(&printer{w: a.out}, person)
}

func printPerson(p *printer, person *desk.Person) error {
	p.printf("%s", person.Number)
	if person.Suppressed {
		p.printf("  suppressed: no campaign submits to it")
	}
	p.printf("\n")
	for _, m := range person.Messages {
		p.printf("  %s  row %d  %s", m.Campaign, m.Row.Row, m.State)
		for _, text := range []string{m.SubmittedAt, m.MessageID, m.Code, m.Message, m.Receipt, m.ReceiptCode} {
			if text != "" {
				p.printf("  %s", text)
			}
		}
		p.printf("\n")
	}
	if len(person.Messages) == 0 {
		p.printf("  in no campaign whose rows are kept\n")
	}
	return p.err
}
