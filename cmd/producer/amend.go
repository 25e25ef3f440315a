package main

import (
	"fmt"

	"sluice/internal/desk"
)

type amendCommand struct {
	ID       string `arg:"" help:"The campaign, paused or halted."`
	Campaign string `arg:"" help:"The campaign file with the corrected message (YAML), all else as it was given; - is standard input." placeholder:"FILE"`
	asJSON
	Preflight bool `default:"true" negatable:"" help:"Hold the message against the account's templates first, where the provider can be asked."`
}

// An amended is what came of it, in JSON.
type amended struct {
	ID       string `json:"id"`
	Revision int    `json:"revision"`
	Waiting  int    `json:"waiting"` // who are still to get it
	Amended  bool   `json:"amended"` // else it had this message already
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
	if c.JSON {
		return printJSON(a.out, amended{ID: m.ID, Revision: m.Revision, Waiting: m.Waiting, Amended: !m.Before})
	}
	if m.Before {
		_, err = fmt.Fprintf(a.out, "%s has this message already, as revision %d\n", m.ID, m.Revision)
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s has revision %d of its message, for the %d who are still to get it; `producer resume %s` goes on\n", m.ID, m.Revision, m.Waiting, m.ID)
	return err
}
