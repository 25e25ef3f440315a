package desk

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// amendment is an order for another text in the place of the name.
func (c *counter) amendment(id, body string) AmendOrder {
	o := c.order(id, "")
	return AmendOrder{ID: id, Name: o.Name, Text: []byte(strings.Replace(string(o.Text), "{{name}}", body, 1))}
}

// claim is a worker's, of the one batch of a campaign.
func (c *counter) claim(id string, revision int) (*ledger.Claim, error) {
	return c.ledger.ClaimRevision(c.ctx, id, 0, "w", false, revision)
}

// accepts records a submission to a recipient, who is accepted.
func (c *counter) accepts(claim *ledger.Claim, i int) {
	c.t.Helper()
	if _, err := claim.Settle(c.ctx, []ledger.Settlement{{Index: i, Outcome: sender.Accepted, MessageID: "m", Time: c.time}}); err != nil {
		c.t.Fatal(err)
	}
}

// Whoever is in flight is waited for; a claim of before begins nothing more, and a
// worker that knows the message before gets no other.
func TestAmend(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "")
	c.beats(ledger.Heartbeat{Worker: "w", Revision: amendRevision})
	claim, err := c.claim("sale", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Begin(c.ctx, []int{0}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pause(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	type result struct {
		*Amended
		err error
	}
	done := make(chan result, 1)
	go func() {
		a, err := c.Amend(c.ctx, c.amendment("sale", "Dear {{name|friend}}"))
		done <- result{a, err}
	}()
	select {
	case r := <-done:
		t.Fatalf("with somebody in flight: %+v, %v", r.Amended, r.err)
	case <-time.After(3 * quietEvery):
	}
	c.accepts(claim, 0)
	r := <-done
	if r.err != nil || r.Revision != 2 || r.Waiting != 1 || r.Before {
		t.Fatalf("%+v, %v", r.Amended, r.err)
	}
	if _, err := c.Resume(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if err := claim.Begin(c.ctx, []int{1}); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("a claim of before the amendment: %v", err)
	}
	if _, err := c.claim("sale", 1); !errors.Is(err, ledger.ErrRevised) {
		t.Errorf("a claim for the message before: %v", err)
	}
	if claim, err = c.claim("sale", 2); err != nil {
		t.Fatal(err)
	}
	if err := claim.Begin(c.ctx, []int{1}); err != nil {
		t.Fatal(err)
	}
	c.accepts(claim, 1)
	var got []int
	if err := c.ledger.Export(c.ctx, "sale", func(r ledger.Row) error { got = append(got, r.Revision); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got[0] != 1 || got[1] != 2 || got[2] != 0 {
		t.Errorf("revisions %v", got)
	}
	rec, err := c.campaigns.Get(c.ctx, "sale")
	if err != nil || rec.Revision != 2 {
		t.Fatalf("%+v, %v", rec, err)
	}
	file, err := rec.File()
	if err != nil || file.Message.Template.Body[0] != "Dear {{name|friend}}" {
		t.Errorf("%+v, %v", file, err)
	}
	if a, err := c.Amend(c.ctx, c.amendment("sale", "Dear {{name|friend}}")); err != nil || !a.Before || a.Revision != 2 {
		t.Errorf("again: %+v, %v", a, err)
	}
	if l := c.launch("sale", ""); !l.Before {
		t.Errorf("the file as it was given: %+v", l)
	}
	o := c.order("sale", "")
	o.Text = c.amendment("sale", "Dear {{name|friend}}").Text
	if l, err := c.Launch(c.ctx, c.prepare(o)); err != nil || !l.Before {
		t.Errorf("the file as it was amended: %+v, %v", l, err)
	}
}

// An amendment that does not fit changes nothing, and says why.
func TestAmendRefuses(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.file("list.csv", "phone,name\n5511987654321,Ana\n5511987654322,\n5511987654323,Bia\n")
	o := c.order("sale", "")
	o.Text = []byte(strings.Replace(string(o.Text), "{{name}}", "{{name|friend}}", 1))
	if _, err := c.Launch(c.ctx, c.prepare(o)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Amend(c.ctx, c.amendment("sale", "{{name|you}}")); !errors.Is(err, campaign.ErrNotAllowed) || !strings.Contains(err.Error(), "it is running") {
		t.Errorf("running: %v", err)
	}
	if _, err := c.campaigns.Halt(c.ctx, "sale", "143", "143"); err != nil {
		t.Fatal(err)
	}
	change := func(old, text string) AmendOrder {
		o := c.amendment("sale", "{{name|you}}")
		o.Text = []byte(strings.Replace(string(o.Text), old, text, 1))
		return o
	}
	for words, o := range map[string]AmendOrder{
		"sender is another":              change("sender: promo", "sender: other"),
		"the way to read its recipients": change("list.csv", "list.csv, strict: true"),
		"max_attempts is another":        change("sender:", "max_attempts: 3\nsender:"),
		"column code is none that":       c.amendment("sale", "{{code|x}}"),
		"row 2: column name is empty":    c.amendment("sale", "{{name}}"),
		"it has name":                    c.amendment("sale", "{{first|x}}"),
		"message.type: needed":           change("type: template,", ""),
	} {
		_, err := c.Amend(c.ctx, o)
		refused(t, err, words)
	}
	c.provider.unfit = &sender.UnfitError{}
	_, err := c.Amend(c.ctx, c.amendment("sale", "{{name|you}}"))
	refused(t, err, "")
	c.provider.unfit = nil
	c.beats(ledger.Heartbeat{Worker: "old", Revision: amendRevision - 1})
	if _, err := c.Amend(c.ctx, c.amendment("sale", "{{name|you}}")); err == nil || !strings.Contains(err.Error(), "earlier version") {
		t.Errorf("beside a worker that does not heed it: %v", err)
	}
	if err := c.ledger.Leave(c.ctx, "old"); err != nil {
		t.Fatal(err)
	}
	rec, err := c.campaigns.Get(c.ctx, "sale")
	if err != nil || rec.Revision != 1 || len(rec.Amended) > 0 {
		t.Errorf("%+v, %v", rec, err)
	}
	if a, err := c.Amend(c.ctx, c.amendment("sale", "{{name|you}}")); err != nil || a.Revision != 2 || a.Waiting != 3 {
		t.Errorf("%+v, %v", a, err)
	}
}
