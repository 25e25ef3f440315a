package main

import (
	"context"
	"fmt"

	"sluice/internal/campaign"
	"sluice/internal/desk"
)

// asJSON is of a command whose answer is one JSON object, if that is asked for.
type asJSON struct {
	JSON bool `help:"Print one JSON object."`
}

type pauseCommand struct {
	ID string `arg:"" help:"The campaign."`
	asJSON
}

// Run pauses a campaign.
func (c *pauseCommand) Run(a *app) error {
	return a.move(c.ID, c.JSON, (*desk.Desk).Pause)
}

type resumeCommand struct {
	ID         string `arg:"" help:"The campaign."`
	ClearPause bool   `help:"End the pause that the provider asked for with Retry-After, for all campaigns of the sender." xor:"how"`
	SkipRow    int    `xor:"how" help:"Reject the recipient of this row first, with the code skipped: the row that status says a halted campaign was last about." placeholder:"N"`
	asJSON
}

// Run resumes a campaign.
func (c *resumeCommand) Run(a *app) error {
	switch {
	case c.SkipRow < 0:
		return &usageError{fmt.Errorf("--skip-row: %d is no row; the first one below the header is 1", c.SkipRow)}
	case c.ClearPause:
		return c.clearPause(a)
	case c.SkipRow == 0:
		return a.move(c.ID, c.JSON, (*desk.Desk).Resume)
	}
	if err := a.connect(); err != nil {
		return err
	}
	m, skipped, err := a.desk.SkipRow(a.ctx, c.ID, c.SkipRow)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, moved{ID: c.ID, State: m.State, Moved: m.Moved, Row: c.SkipRow, Skipped: &skipped})
	}
	what := "is skipped"
	if !skipped {
		what = "was skipped already"
	}
	_, err = fmt.Fprintf(a.out, "%s: row %d %s, and it is %s\n", c.ID, c.SkipRow, what, m.State)
	return err
}

// clearPause ends the pause of the campaign's sender, and goes on with the campaign.
func (c *resumeCommand) clearPause(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	m, sender, was, err := a.desk.ClearPause(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, moved{ID: c.ID, State: m.State, Moved: m.Moved, PauseCleared: &was})
	}
	what := "the pause of " + sender + " is ended"
	if !was {
		what = sender + " was not paused"
	}
	_, err = fmt.Fprintf(a.out, "%s: %s, and it is %s\n", c.ID, what, m.State)
	return err
}

type cancelCommand struct {
	ID string `arg:"" help:"The campaign."`
	asJSON
}

// Run cancels a campaign.
func (c *cancelCommand) Run(a *app) error {
	return a.move(c.ID, c.JSON, (*desk.Desk).Cancel)
}

// A moved is what came of a move, in JSON.
type moved struct {
	ID    string         `json:"id"`
	State campaign.State `json:"state"`
	Moved bool           `json:"moved"` // else it was so already
	// Row is the row that was to be skipped, and Skipped that it was not before.
	Row     int   `json:"row,omitempty"`
	Skipped *bool `json:"skipped,omitempty"`
	// PauseCleared says that the sender was paused.
	PauseCleared *bool `json:"pause_cleared,omitempty"`
}

// move makes one move of a campaign and says what came of it.
func (a *app) move(id string, asJSON bool, move func(*desk.Desk, context.Context, string) (desk.Moved, error)) error {
	if err := a.connect(); err != nil {
		return err
	}
	m, err := move(a.desk, a.ctx, id)
	if err != nil {
		return err
	}
	if m.Warning != "" {
		fmt.Fprintf(shown(a.err), "producer: warning: %s\n", m.Warning)
	}
	if asJSON {
		return printJSON(a.out, moved{ID: id, State: m.State, Moved: m.Moved})
	}
	if m.Moved {
		_, err = fmt.Fprintf(a.out, "%s is %s\n", id, m.State)
	} else {
		_, err = fmt.Fprintf(a.out, "%s was %s already\n", id, m.State)
	}
	return err
}
