package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/ledger"
)

// A launchOrder is a launch's body: what the list is to be, where that is given.
type launchOrder struct {
	Rows  *int `json:"rows"`
	Parts []struct {
		N      int    `json:"n"`
		SHA256 string `json:"sha256"`
	} `json:"parts"`
	Preflight *bool `json:"preflight"`
	// Paused has it stand paused once it is imported.
	Paused bool `json:"paused"`
}

// launch settles a draft, and has it imported and sent.
func (s *Server) launch(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	var o launchOrder
	if err := c.decode(&o); err != nil {
		return err
	}
	if rec, err = s.freeze(c, rec, o); err != nil {
		return err
	}
	return c.showRecord(http.StatusAccepted, rec)
}

func (s *Server) freeze(c *call, rec *campaign.Record, o launchOrder) (*campaign.Record, error) {
	order := desk.FreezeOrder{Rows: o.Rows, SkipPreflight: o.Preflight != nil && !*o.Preflight, Paused: o.Paused}
	if o.Parts != nil {
		order.Parts = map[int]string{}
		for _, p := range o.Parts {
			order.Parts[p.N] = p.SHA256
		}
	}
	_, err := c.desk.Freeze(c.ctx, rec, order)
	switch {
	case errors.Is(err, desk.ErrLaunchedOtherwise):
		return nil, stateProblem(rec, "it was launched before, and paused was another then: pause or resume it")
	case errors.Is(err, campaign.ErrNotAllowed):
		return nil, stateProblem(rec, "it cannot be launched")
	case err != nil:
		return nil, err
	}
	s.Launched()
	return c.desk.Record(c.ctx, rec.ID)
}

// A movedView is what came of a move.
type movedView struct {
	ID      string         `json:"id"`
	State   campaign.State `json:"state"`
	Changed bool           `json:"changed"`
	Skipped []int          `json:"skipped_rows,omitempty"`
	Cleared bool           `json:"cleared_pause,omitempty"`
}

// moved answers with what came of a move, or says in which state it is not allowed.
func (c *call) moved(rec *campaign.Record, v movedView, err error) error {
	if errors.Is(err, campaign.ErrNotAllowed) {
		if now, getErr := c.desk.Record(c.ctx, rec.ID); getErr == nil {
			rec = now
		}
		return stateProblem(rec, "not allowed in this state")
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, v)
}

func (s *Server) move(c *call, move func(context.Context, string) (desk.Moved, error)) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	if err := c.decode(&struct{}{}); err != nil {
		return err
	}
	m, err := move(c.ctx, rec.ID)
	return c.moved(rec, movedView{ID: rec.ID, State: m.State, Changed: m.Moved}, err)
}

// pause stops a campaign until it is resumed.
func (s *Server) pause(c *call) error { return s.move(c, c.desk.Pause) }

// cancel ends a campaign for good.
func (s *Server) cancel(c *call) error { return s.move(c, c.desk.Cancel) }

// maxSkips is how many rows one resume skips.
const maxSkips = 100

// resume goes on with a campaign: as it is, without some rows, or although the
// provider has asked for a pause.
func (s *Server) resume(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	var o struct {
		SkipRows   []int `json:"skip_rows"`
		ClearPause bool  `json:"clear_pause"`
		// AfterRestore says that it is known what going on means where Redis was restored.
		AfterRestore bool `json:"after_restore"`
	}
	if err := c.decode(&o); err != nil {
		return err
	}
	if len(o.SkipRows) > maxSkips {
		return invalidAt("/skip_rows", "at most 100")
	}
	if rec.State == campaign.Halted && rec.Code == campaign.CodeRestored && !o.AfterRestore {
		return stateProblem(rec, "Redis was restored: whoever was submitted to after its state was saved is not on record, and would get a second message; with after_restore true it goes on all the same")
	}
	v := movedView{ID: rec.ID}
	var m desk.Moved
	for _, row := range o.SkipRows {
		if row < 1 {
			return invalidAt("/skip_rows", "rows are counted from 1")
		}
		var skipped bool
		if m, skipped, err = c.desk.SkipRow(c.ctx, rec.ID, row); err != nil {
			return c.moved(rec, v, err)
		}
		if skipped {
			v.Skipped = append(v.Skipped, row)
		}
		v.Changed = v.Changed || m.Moved || skipped
	}
	switch {
	case o.ClearPause:
		m, _, v.Cleared, err = c.desk.ClearPause(c.ctx, rec.ID)
	case len(o.SkipRows) == 0:
		m, err = c.desk.Resume(c.ctx, rec.ID)
	}
	v.State, v.Changed = m.State, v.Changed || m.Moved || v.Cleared
	return c.moved(rec, v, err)
}

// amend gives a paused or halted campaign a corrected message.
func (s *Server) amend(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	preflight, err := c.flag("preflight", true)
	if err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	if data == nil {
		return invalidAt("", "the campaign with the corrected message is needed")
	}
	o, err := compose(data, rec.ID, false)
	if err != nil {
		return err
	}
	done, err := c.desk.Amend(c.ctx, desk.AmendOrder{ID: rec.ID, Text: o.file, Name: "campaign", SkipPreflight: !preflight})
	if err != nil {
		return c.moved(rec, movedView{}, err)
	}
	return c.answer(http.StatusOK, map[string]any{"id": rec.ID, "changed": !done.Before, "revision": done.Revision, "waiting": done.Waiting})
}

// mostResolved is how many rows one resolve names.
const mostResolved = 10_000

// resolve records a person's word on some who are in doubt, by their rows, and on all
// others.
func (s *Server) resolve(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	var o struct {
		Choice string `json:"choice"` // of all whom rows does not name; empty: they stay as they are
		Rows   []struct {
			Row    int    `json:"row"`
			Choice string `json:"choice"`
		} `json:"rows"`
		Note string `json:"note"`
	}
	if err := c.decode(&o); err != nil {
		return err
	}
	order := desk.ResolveOrder{ID: rec.ID, Note: o.Note}
	if o.Choice != "" || o.Rows == nil {
		if order.Others, err = ledger.ParseChoice(o.Choice); err != nil {
			return invalidAt("/choice", "is one of accept, reject, resend")
		}
	}
	if len(o.Rows) > mostResolved {
		return invalidAt("/rows", fmt.Sprintf("at most %d", mostResolved))
	}
	chosen := map[int]ledger.Choice{}
	for i, r := range o.Rows {
		choice, err := ledger.ParseChoice(r.Choice)
		if err != nil {
			return invalidAt(fmt.Sprintf("/rows/%d/choice", i), "is one of accept, reject, resend")
		}
		if before, twice := chosen[r.Row]; r.Row < 1 || twice && before != choice {
			return invalidAt(fmt.Sprintf("/rows/%d/row", i), "rows are counted from 1, and have one choice")
		}
		chosen[r.Row] = choice
	}
	if o.Rows != nil {
		order.Decisions = desk.DecideRows(chosen)
	}
	got, err := c.desk.Resolve(c.ctx, order)
	if err != nil {
		return c.moved(rec, movedView{}, err)
	}
	recipients := 0
	for _, n := range got.Choices {
		recipients += n
	}
	return c.answer(http.StatusOK, map[string]any{"id": rec.ID, "recipients": recipients, "unneeded": got.Unneeded, "requeued_batches": got.Requeued})
}
