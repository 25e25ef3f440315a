package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"sluice/internal/audit"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/parts"
)

// The orders that change a campaign, each with its entry in the audit. What carries
// them out stands in the files of their names.

// Launch imports a campaign's recipients, enqueues them and launches it. It may be
// interrupted and given again: an import goes on where it ended, and of a campaign
// that is imported nothing is changed. Another campaign of the same id, other
// settings than it was given with, or other recipients are an *InvalidError.
func (d *Desk) Launch(ctx context.Context, p *Prepared) (l *Launched, err error) {
	others, err := d.ready(ctx, p)
	if err != nil {
		return nil, err
	}
	err = d.act(ctx, audit.Act{Name: "send", Campaign: p.file.ID, Sender: p.file.Sender}, func(a *audit.Act) (bool, error) {
		if l, err = d.launch(ctx, p, others); err != nil {
			return false, err
		}
		a.Detail = fmt.Sprintf("rows %d, recipients %d", l.Counts.Rows, l.Counts.Recipients)
		return !l.Before, nil
	})
	return l, err
}

// Draft makes a draft of a composed campaign. The same one again changes nothing, and
// made is false; another of its id is campaign.ErrOtherCampaign.
func (d *Desk) Draft(ctx context.Context, g *campaign.Given) (rec *campaign.Record, made bool, err error) {
	err = d.act(ctx, audit.Act{Name: "create", Campaign: g.File.ID, Sender: g.File.Sender}, func(*audit.Act) (bool, error) {
		rec, made, err = d.draft(ctx, g)
		return made, err
	})
	return rec, made, err
}

// Redraft puts another composition in the place of a draft, if that has this etag.
func (d *Desk) Redraft(ctx context.Context, etag string, g *campaign.Given) (rec *campaign.Record, err error) {
	err = d.act(ctx, audit.Act{Name: "replace", Campaign: g.File.ID, Sender: g.File.Sender}, func(*audit.Act) (bool, error) {
		rec, err = d.redraft(ctx, etag, g)
		return true, err
	})
	return rec, err
}

// Discard deletes a draft with its parts.
func (d *Desk) Discard(ctx context.Context, id string) error {
	return d.actOn(ctx, "discard", id, func(*audit.Act, campaign.State) (bool, error) { return true, d.discard(ctx, id) })
}

// PutPart keeps a part of a draft's list. The same bytes again change nothing, also
// once the draft is launched.
func (d *Desk) PutPart(ctx context.Context, rec *campaign.Record, part parts.Delivery) (p parts.Part, kept bool, err error) {
	detail := fmt.Sprintf("part %d", part.N)
	err = d.act(ctx, audit.Act{Name: "put_part", Campaign: rec.ID, Sender: rec.Sender, Detail: detail}, func(a *audit.Act) (bool, error) {
		if p, kept, err = d.putPart(ctx, rec, part); err == nil {
			a.Detail += fmt.Sprintf(", rows %d", p.Rows)
		}
		return kept, err
	})
	return p, kept, err
}

// DeletePart deletes a part of a draft's list; false: there was none.
func (d *Desk) DeletePart(ctx context.Context, id string, n int) (gone bool, err error) {
	err = d.actOn(ctx, "delete_part", id, func(a *audit.Act, _ campaign.State) (bool, error) {
		a.Detail = fmt.Sprintf("part %d", n)
		gone, err = d.deletePart(ctx, id, n)
		return gone, err
	})
	return gone, err
}

// Freeze settles a draft and has it imported and launched, by whatever process does
// that. Of one that was launched before nothing is changed, and frozen is false; it
// is ErrListDiffers where its list was another.
func (d *Desk) Freeze(ctx context.Context, rec *campaign.Record, o FreezeOrder) (frozen bool, err error) {
	detail := ""
	if o.Paused {
		detail = "to stand paused"
	}
	err = d.act(ctx, audit.Act{Name: "launch", Campaign: rec.ID, Sender: rec.Sender, Detail: detail}, func(*audit.Act) (bool, error) {
		frozen, err = d.freeze(ctx, rec, o)
		return frozen, err
	})
	return frozen, err
}

// Test sends one message as a row of the list would get it to a number of one's
// own, by the way that every message goes: a campaign of one row under an id of its
// own, with high priority and at any time. The order's own id stays free. Its outcome
// is TestOutcome's, once that campaign is over. Where a Tested comes with an error,
// its campaign may be there, and is to be cancelled.
func (d *Desk) Test(ctx context.Context, p *Prepared, o TestOrder) (t *Tested, err error) {
	err = d.act(ctx, audit.Act{Name: "test", Campaign: p.file.ID, Sender: p.file.Sender}, func(a *audit.Act) (bool, error) {
		t, err = d.test(ctx, p, o)
		if t != nil {
			a.Detail = fmt.Sprintf("row %d, as %s", t.Row, t.ID)
		}
		return true, err
	})
	return t, err
}

// Pause stops submitting a campaign until it is resumed.
func (d *Desk) Pause(ctx context.Context, id string) (Moved, error) {
	return d.moveAs(ctx, "pause", id, d.pause)
}

// Resume goes on with a paused or halted campaign, also where its queue was paused
// behind its back.
func (d *Desk) Resume(ctx context.Context, id string) (Moved, error) {
	return d.moveAs(ctx, "resume", id, d.resume)
}

// Cancel ends a campaign for good, and deletes the tasks that wait. What workers that
// are gone had in flight is in doubt then, and not cancelled.
func (d *Desk) Cancel(ctx context.Context, id string) (Moved, error) {
	return d.moveAs(ctx, "cancel", id, d.cancel)
}

func (d *Desk) moveAs(ctx context.Context, name, id string, move func(context.Context, string) (Moved, error)) (m Moved, err error) {
	err = d.actOn(ctx, name, id, func(a *audit.Act, before campaign.State) (bool, error) {
		m, err = move(ctx, id)
		a.Detail = moveText(before, m, err)
		return m.Moved, err
	})
	return m, err
}

// moveText is a campaign's state before and after.
func moveText(before campaign.State, m Moved, err error) string {
	if err != nil || m.State == before {
		return string(before)
	}
	return fmt.Sprintf("%s -> %s", before, m.State)
}

// ClearPause ends the pause that the provider of a campaign's sender asked for, for
// all campaigns of that sender, and goes on with this one. Was says whether there
// was a pause.
func (d *Desk) ClearPause(ctx context.Context, id string) (m Moved, sender string, was bool, err error) {
	err = d.actOn(ctx, "clear_pause", id, func(a *audit.Act, before campaign.State) (bool, error) {
		m, sender, was, err = d.clearPause(ctx, id)
		a.Detail = moveText(before, m, err)
		return was || m.Moved, err
	})
	return m, sender, was, err
}

// SkipRow rejects a row's recipient, who must be pending, with the code skipped,
// and goes on with the campaign. False says that it was skipped before.
func (d *Desk) SkipRow(ctx context.Context, id string, row int) (m Moved, skipped bool, err error) {
	err = d.actOn(ctx, "skip_row", id, func(a *audit.Act, before campaign.State) (bool, error) {
		m, skipped, err = d.skipRow(ctx, id, row)
		a.Detail = fmt.Sprintf("row %d; %s", row, moveText(before, m, err))
		return skipped || m.Moved, err
	})
	return m, skipped, err
}

// Set changes what a campaign's identity leaves out. It holds on all workers
// within a second.
func (d *Desk) Set(ctx context.Context, o SetOrder) (s *Set, err error) {
	err = d.actOn(ctx, "set", o.ID, func(a *audit.Act, _ campaign.State) (bool, error) {
		if s, err = d.set(ctx, o); err != nil {
			return false, err
		}
		var texts []string
		for _, c := range s.Before.Differences(s.After) {
			texts = append(texts, fmt.Sprintf("%s: %s -> %s", c.Name, c.Before, c.After))
		}
		a.Detail = strings.Join(texts, "; ")
		return len(texts) > 0, nil
	})
	return s, err
}

// SetNotes changes what a campaign that was launched is known by, and where it is told of.
func (d *Desk) SetNotes(ctx context.Context, id string, n campaign.Notes) error {
	return d.actOn(ctx, "set", id, func(a *audit.Act, _ campaign.State) (bool, error) {
		a.Detail = notesText(n)
		return true, d.campaigns.SetNotes(ctx, id, n)
	})
}

// Amend gives a paused or halted campaign a corrected message, for those who are
// still to be sent to. It must use columns that the list was imported for, fit its
// template, and fit every recipient who is pending or in doubt; what else the file
// says must be as it was given. Once Amend returns, no worker sends the message
// before: what was in flight is waited for.
func (d *Desk) Amend(ctx context.Context, o AmendOrder) (m *Amended, err error) {
	err = d.actOn(ctx, "amend", o.ID, func(a *audit.Act, _ campaign.State) (bool, error) {
		if m, err = d.amend(ctx, o); err != nil {
			return false, err
		}
		a.Detail = fmt.Sprintf("revision %d, for %d", m.Revision, m.Waiting)
		return !m.Before, nil
	})
	return m, err
}

// Resolve records a person's word on recipients of a campaign that are in doubt,
// and has those sent again that are to be. Of two words on one the first counts; who
// is not in doubt stays as they are.
func (d *Desk) Resolve(ctx context.Context, o ResolveOrder) (r Resolved, err error) {
	o.Note = strings.Join(strings.Fields(o.Note), " ")
	if n := utf8.RuneCountInString(o.Note); n > MaxNote {
		return r, invalid("the note has %d characters, and at most %d are kept", n, MaxNote)
	}
	err = d.actOn(ctx, "resolve", o.ID, func(a *audit.Act, _ campaign.State) (bool, error) {
		r, err = d.resolve(ctx, o)
		var texts []string
		for choice := ledger.Accept; choice <= ledger.Resend; choice++ {
			if n := r.Choices[choice]; n > 0 {
				texts = append(texts, fmt.Sprintf("%s %d", choice, n))
			}
		}
		a.Detail = strings.Join(texts, ", ")
		if o.Note != "" {
			a.Detail += "; note: " + o.Note
		}
		return len(texts) > 0 || r.Requeued > 0, err
	})
	return r, err
}

// Verify replays every journal of a campaign, compares plan, totals, queue and
// ledger, tells report of each disagreement, and repairs what follows from the
// rest. Of a campaign whose rows have expired there is nothing to compare:
// ErrExpired.
func (d *Desk) Verify(ctx context.Context, id string, report func(ledger.Problem)) (found Verified, err error) {
	err = d.actOn(ctx, "verify", id, func(a *audit.Act, _ campaign.State) (bool, error) {
		found, err = d.verify(ctx, id, report)
		a.Detail = fmt.Sprintf("wrong %d, repaired %d", found.Wrong, found.Repaired)
		return found.Repaired > 0, err
	})
	return found, err
}

// actOn carries out an order on a campaign, which is told the campaign's state
// before. Of one that is not there nothing can be changed, and nothing is noted.
func (d *Desk) actOn(ctx context.Context, name, id string, do func(a *audit.Act, before campaign.State) (bool, error)) error {
	briefs, err := d.campaigns.Briefs(ctx, id)
	if err != nil {
		return err
	}
	if len(briefs) == 0 {
		_, err := do(&audit.Act{}, "")
		return err
	}
	return d.act(ctx, audit.Act{Name: name, Campaign: id, Sender: briefs[0].Sender}, func(a *audit.Act) (bool, error) { return do(a, briefs[0].State) })
}

// act carries out an order with its entry in the audit: that it begins, and then what
// came of it. Do says whether anything changed, and may say more of the act.
func (d *Desk) act(ctx context.Context, a audit.Act, do func(*audit.Act) (changed bool, err error)) error {
	record, err := d.audit.Begin(ctx, d.actor, a)
	if err != nil {
		return err
	}
	changed, err := do(&a)
	// Where this cannot be noted the entry stays that it has begun: what was done is done.
	_ = record.End(ctx, a, outcomeOf(changed, err))
	return err
}

func outcomeOf(changed bool, err error) audit.Outcome {
	var invalid *InvalidError
	switch {
	case errors.As(err, &invalid), errors.Is(err, campaign.ErrNotAllowed), errors.Is(err, campaign.ErrNotFound), errors.Is(err, campaign.ErrOtherCampaign),
		errors.Is(err, campaign.ErrChanged), errors.Is(err, ErrExpired), errors.Is(err, ErrListDiffers), errors.Is(err, parts.ErrDiffers), errors.Is(err, ErrNotAsked):
		return audit.Refused
	case err != nil:
		return audit.Failed
	case !changed:
		return audit.Unchanged
	}
	return audit.Done
}

// Audit reads who did what, as audit.Log.Page does.
func (d *Desk) Audit(ctx context.Context, q audit.Query, each func(*audit.Entry) bool) (next string, err error) {
	return d.audit.Page(ctx, q, each)
}
