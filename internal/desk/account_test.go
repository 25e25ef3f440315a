package desk

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// settle has a worker end with the two recipients of a campaign: one is rejected
// and one in doubt.
func (c *counter) settle(id string) {
	c.t.Helper()
	claim, err := c.ledger.Claim(c.ctx, id, 0, "w", false)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := claim.Begin(c.ctx, []int{0, 1}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := claim.Settle(c.ctx, []ledger.Settlement{
		{Index: 0, Outcome: sender.Rejected, Code: "22091", Time: c.time},
		{Index: 1, Outcome: sender.Unknown, Code: "timeout", Time: c.time},
	}); err != nil {
		c.t.Fatal(err)
	}
	if err := claim.Release(c.ctx); err != nil {
		c.t.Fatal(err)
	}
}

// states are the states of the rows of an export.
func (c *counter) states(o ExportOrder) string {
	c.t.Helper()
	o.Format = CSV
	e, err := c.Export(c.ctx, o)
	if err != nil {
		c.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Write(c.ctx, &b); err != nil {
		c.t.Fatal(err)
	}
	var states []string
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n")[1:] {
		states = append(states, strings.Split(line, ",")[2])
	}
	return strings.Join(states, " ")
}

func TestExport(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "")
	c.settle("sale")
	for want, o := range map[string]ExportOrder{
		"rejected in_doubt invalid duplicate": {ID: "sale"},
		"rejected duplicate":                  {ID: "sale", States: []string{"rejected", "duplicate"}},
		"in_doubt":                            {ID: "sale", Codes: []string{"timeout", "other"}},
		"":                                    {ID: "sale", States: []string{"rejected"}, Codes: []string{"timeout"}},
	} {
		if got := c.states(o); got != want {
			t.Errorf("%+v: %q", o, got)
		}
	}
	e, err := c.Export(c.ctx, ExportOrder{ID: "sale", Format: NDJSON, Codes: []string{"22091"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Write(c.ctx, &b); err != nil || !strings.Contains(b.String(), `"message":"the meaning of 22091"`) {
		t.Errorf("%s, %v", b.String(), err)
	}
	_, err = c.Export(c.ctx, ExportOrder{ID: "sale", States: []string{"lost"}})
	refused(t, err, `no state "lost"`)
	if _, err := c.Export(c.ctx, ExportOrder{ID: "nobody"}); !errors.Is(err, campaign.ErrNotFound) {
		t.Error(err)
	}
	if err := c.ledger.Delete(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
}

func TestResolveAndVerify(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "")
	c.settle("sale")
	if _, err := c.campaigns.Finish(c.ctx, "sale"); err != nil || c.state("sale") != campaign.Finished {
		t.Fatalf("%s, %v", c.state("sale"), err)
	}
	var told []ledger.Problem
	found, err := c.Verify(c.ctx, "sale", func(p ledger.Problem) { told = append(told, p) })
	if err != nil || found != (Verified{}) || len(told) != 0 {
		t.Errorf("%+v %v %v", found, told, err)
	}
	got, err := c.Resolve(c.ctx, ResolveOrder{ID: "sale", Others: ledger.Resend})
	if err != nil || got.Choices[ledger.Resend] != 1 || got.Requeued > 1 || c.state("sale") != campaign.Running {
		t.Errorf("%+v, %v, %s", got, err, c.state("sale"))
	}
	// Its task is lost: it is missed, and enqueued anew.
	if _, err := c.queue.Delete(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if found, err = c.Verify(c.ctx, "sale", func(p ledger.Problem) { told = append(told, p) }); err != nil || found != (Verified{Repaired: 1}) || len(told) != 1 {
		t.Errorf("%+v %v %v", found, told, err)
	}
	if got, err = c.Resolve(c.ctx, ResolveOrder{ID: "sale", Others: ledger.Accept}); err != nil || len(got.Choices) > 0 || got.Requeued > 0 {
		t.Errorf("nobody is in doubt: %+v, %v", got, err)
	}
	if text := c.Meaning("promo")("exhausted/http_503"); text != "all attempts failed; the last: the meaning of http_503" {
		t.Error(text)
	}
	if text := c.Meaning("nobody")("22091"); text != "" {
		t.Error(text)
	}
	records, err := c.List(c.ctx)
	if err != nil || len(records) != 1 {
		t.Errorf("%v, %v", records, err)
	}
}

// What asks for rows that have expired says so.
func TestExpired(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "")
	if _, err := c.Cancel(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if err := c.campaigns.Retire(c.ctx, "sale", []byte(`{"Rows":4,"Pending":2,"Invalid":1,"Duplicate":1}`), nil); err != nil {
		t.Fatal(err)
	}
	if err := c.ledger.Delete(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Export(c.ctx, ExportOrder{ID: "sale"}); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
	if _, err := c.Resolve(c.ctx, ResolveOrder{ID: "sale", Others: ledger.Accept}); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
	if _, err := c.Verify(c.ctx, "sale", nil); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
}

// The same list under another id is another campaign, and its record says so.
func TestLaunchUnderAnotherID(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "")
	o := c.order("sale", "")
	o.ID = "sale-again"
	l, err := c.Launch(c.ctx, c.prepare(o))
	if err != nil || l.ID != "sale-again" || l.Before || c.state("sale-again") != campaign.Running {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err = c.Launch(c.ctx, c.prepare(o)); err != nil || !l.Before {
		t.Errorf("again: %+v, %v", l, err)
	}
	rec, err := c.campaigns.Get(c.ctx, "sale-again")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := rec.File(); err != nil || f.ID != "sale-again" {
		t.Errorf("%+v, %v", f, err)
	}
	o.ID = "Not An ID"
	_, err = c.Prepare(o)
	refused(t, err, "id: needed")
}
