package receipt

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/sender"
)

// Effects are what receipts and events do beside counting. Each may be done again:
// what a receipt does is done before it is on record.
type Effects struct {
	// OptedOut puts a number on the list of those who want no marketing from a
	// sender, or takes it off.
	OptedOut func(ctx context.Context, sender, phone string, out bool) error
	// Slow slows a sender down for all workers.
	Slow func(ctx context.Context, sender string) error
	// Note keeps what is told of a sender's account.
	Note func(ctx context.Context, sender string, e *sender.Event) error
	// Warn is told what somebody should look at.
	Warn func(sender, text string)
}

// withDefaults has what is not given do nothing.
func (e Effects) withDefaults() Effects {
	if e.OptedOut == nil {
		e.OptedOut = func(context.Context, string, string, bool) error { return nil }
	}
	if e.Slow == nil {
		e.Slow = func(context.Context, string) error { return nil }
	}
	if e.Note == nil {
		e.Note = func(context.Context, string, *sender.Event) error { return nil }
	}
	if e.Warn == nil {
		e.Warn = func(string, string) {}
	}
	return e
}

// slowFor is how old the word of a provider may be that it goes too fast.
const slowFor = time.Minute

// A happening is an event on its way.
type happening struct {
	sender.Event
	from string
}

// act does what follows from a new receipt of a recipient of a campaign.
func (a *Applier) act(ctx context.Context, id, phone string, r *arrival) error {
	if err := a.watchShare(ctx, id, r); err != nil {
		return err
	}
	code, ok := sender.Code(r.Code).Meta()
	if r.Status != sender.Undelivered || !ok {
		return nil
	}
	switch code {
	case 131050:
		a.o.Count(r.from, "opted_out", 1)
		return a.o.Effects.OptedOut(ctx, r.from, phone, true)
	case 4, 80007, 130429, 131056:
		if a.o.Now().Sub(r.Time) > slowFor {
			return nil
		}
		return a.o.Effects.Slow(ctx, r.from)
	case 368, 131031, 131042, 131048, 131064:
		return a.stop(ctx, r.from, nil, r.Time, r.Code, meaning(r.Code))
	case 132015, 132016:
		rec, err := a.campaigns.store.Get(ctx, id)
		if err != nil {
			return err
		}
		f, err := rec.File()
		if err != nil || f.Message.Template == nil {
			return nil //nolint:nilerr // no file that could name the template
		}
		return a.stop(ctx, r.from, f.Message.Template, r.Time, r.Code, meaning(r.Code))
	}
	return nil
}

// happen does what follows from an event.
func (a *Applier) happen(ctx context.Context, e *happening) error {
	if err := a.o.Effects.Note(ctx, e.from, &e.Event); err != nil {
		return err
	}
	switch e.Kind {
	case sender.TemplateStops:
		a.o.Effects.Warn(e.from, fmt.Sprintf("template %s (%s) is %s", e.Template, e.Language, e.Word))
		return a.stop(ctx, e.from, &sender.Template{Name: e.Template, Language: e.Language}, e.Time, "template_"+e.Word, "the provider tells that the template is "+e.Word+" "+e.Detail)
	case sender.AccountStops:
		a.o.Effects.Warn(e.from, "the account: "+e.Word+" "+e.Detail)
		return a.stop(ctx, e.from, nil, e.Time, "account_"+e.Word, "the provider tells of the account: "+e.Word+" "+e.Detail)
	case sender.Warning:
		a.o.Effects.Warn(e.from, e.Word+" "+e.Detail)
	case sender.DayLimit:
		a.o.Effects.Warn(e.from, fmt.Sprintf("DAY_LIMIT %d", e.Limit))
	case sender.TemplateGoes: // nobody goes on by it
	case sender.OptOut, sender.OptIn:
		out := e.Kind == sender.OptOut
		if out {
			a.o.Count(e.from, "opted_out", 1)
		}
		return a.o.Effects.OptedOut(ctx, e.from, e.Phone, out)
	}
	return nil
}

func meaning(code string) string {
	return sender.Code(code).Meaning(func(sender.Code) string { return "" })
}

// stop halts a sender's campaigns that run, and pauses those that are scheduled; with
// a template those alone that send it. One that was brought to run after what the
// provider tells of goes on: somebody has seen to it.
func (a *Applier) stop(ctx context.Context, from string, only *sender.Template, at time.Time, code, why string) error {
	briefs, err := a.campaigns.store.Briefs(ctx, a.campaigns.ofSender(from)...)
	if err != nil {
		return err
	}
	for _, b := range briefs {
		if b.State != campaign.Running && b.State != campaign.Scheduled || at.Add(time.Second).Before(b.MovedAt) {
			continue
		}
		if only != nil {
			rec, err := a.campaigns.store.Get(ctx, b.ID)
			if err != nil {
				return err
			}
			f, err := rec.File()
			if err != nil || f.Message.Template == nil || f.Message.Template.Name != only.Name || f.Message.Template.Language != only.Language {
				continue
			}
		}
		reason := fmt.Sprintf("%s: %s (by a callback about %s); then `producer resume %s`", code, why, at.UTC().Format(time.RFC3339), b.ID)
		stop := a.campaigns.store.Halt
		if b.State == campaign.Scheduled {
			stop = a.campaigns.store.PauseFor
		}
		moved, err := stop(ctx, b.ID, code, reason)
		if err != nil {
			return err
		}
		if moved {
			a.o.Count(from, "halted", 1)
			a.o.Effects.Warn(from, "campaign "+b.ID+" is stopped: "+code)
		}
	}
	return nil
}
