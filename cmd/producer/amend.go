package main

import (
	"fmt"

	"sluice/internal/desk"
)

type amendCommand struct {
	ID        string `arg:"" help:"The campaign, paused or halted."`
	Campaign  string `arg:"" help:"The campaign file with the corrected message (YAML), all else as it was given; - is standard input." placeholder:"FILE"`
	Preflight bool   `default:"true" negatable:"" help:"Hold the message against the account's templates first, where the provider can be asked."`
}

// Run gives a campaign a corrected message.
func (c *amendCommand) Run(a *app) error {
	text, err := a.readCampaign(c.Campaign)
	if err != nil {
		return err
	}
	if err := a.connect(); err != nil {
		return err
	}
	m, err := a.desk.Amend(a.ctx, desk.AmendOrder{
		ID: c.ID, Text: text, Name: c.Campaign, SkipPreflight: !c.Preflight,
		Warn: func(warning string) { fmt.Fprintf(shown(a.err), "producer: warning: %s\n", warning) },
	})
	if err != nil {
		return hint(err)
	}
	if m.Before {
		_, err = fmt.Fprintf(a.out, "%s has this message already, as revision %d\n", m.ID, m.Revision)
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s has revision %d of its message, for the %d who are still to get it; `producer resume %s` goes on\n", m.ID, m.Revision, m.Waiting, m.ID)
	return err
}
