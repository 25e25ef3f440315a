package desk

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/internal/audit"
	"sluice/internal/keys"
	"sluice/internal/outbox"
	"sluice/internal/token"
)

// acts are what the audit has, the oldest first, such as "suppress done".
func (c *counter) acts() []string {
	c.t.Helper()
	var all []string
	if _, err := c.Audit(c.ctx, audit.Query{}, func(e *audit.Entry) bool {
		all = append(all, e.Act+" "+string(e.Outcome))
		if e.Actor != "cli:ana@desk" || strings.Contains(e.Detail, "98765") || strings.Contains(e.Detail, "slc_") || strings.Contains(e.Detail, "whsec") {
			c.t.Errorf("%+v", e)
		}
		return true
	}); err != nil {
		c.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// noted says that the audit has these acts beside those before.
func (c *counter) noted(before int, want ...string) {
	c.t.Helper()
	if all := c.acts(); len(all) < before || !slices.Equal(all[before:], want) {
		c.t.Errorf("noted %q, want %q behind the first %d", all, want, before)
	}
}

func (c *counter) asAna() *Desk { return c.As(audit.Actor{Kind: "cli", Name: "ana@desk"}) }

// Numbers go on a list and off it, in whatever spelling, or none of them where one is
// invalid; each order is noted with what came of it, and without a number.
func TestSuppress(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	ana := c.asAna()
	two := []string{"+55 11 98765-4321", "(11) 98765-4322"}
	for _, tt := range []struct {
		what string
		do   func() (int, error)
		want int
	}{
		{"suppressed", func() (int, error) { return ana.Suppress(c.ctx, two, "BR") }, 2},
		{"again", func() (int, error) { return ana.Suppress(c.ctx, two[:1], "") }, 0},
		{"without the ninth digit", func() (int, error) { return ana.Unsuppress(c.ctx, []string{"551187654321"}, "") }, 1},
		{"opted out", func() (int, error) { return ana.OptOut(c.ctx, "promo", two, "BR") }, 2},
		{"opted in", func() (int, error) { return ana.OptIn(c.ctx, "promo", two[1:], "BR") }, 1},
	} {
		if n, err := tt.do(); n != tt.want || err != nil {
			t.Errorf("%s: %d, %v", tt.what, n, err)
		}
	}
	_, err := ana.Suppress(c.ctx, []string{"+55 11 98765-4399", "123"}, "")
	refused(t, err, "number 2")
	_, err = ana.Unsuppress(c.ctx, two, "XX")
	refused(t, err, "")

	var list, opted []string
	if err := errors.Join(
		c.Suppressed(c.ctx, func(phone string) error { list = append(list, phone); return nil }),
		c.OptedOut(c.ctx, "promo", func(phone string) error { opted = append(opted, phone); return nil }),
	); err != nil || !slices.Equal(list, []string{"5511987654322"}) || !slices.Equal(opted, []string{"5511987654321"}) {
		t.Errorf("%v, %v, %v", list, opted, err)
	}

	o := SuppressOrder{File: c.file("stop.csv", "phone\n5511987654321\n5511987654322\n12\n"), Phone: "phone"}
	s, err := ana.SuppressList(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if all, err := ana.SuppressAll(c.ctx, s); err != nil || all != (SuppressedAll{Added: 1, Invalid: 1, Rows: 3}) || s.Progress().Rows == 0 {
		t.Errorf("%+v, %v, %+v", all, err, s.Progress())
	}
	o.File = c.file("none.csv", "")
	_, err = ana.SuppressList(o)
	refused(t, err, "")
	c.noted(0, "suppress done", "suppress unchanged", "unsuppress done", "suppress done", "unsuppress done", "suppress refused", "unsuppress refused", "suppress done")
}

// Tokens and endpoints are made and ended, each noted without its secret; what is
// invalid in itself is refused before, and noted nowhere.
func TestTokensAndEndpoints(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	ana := c.asAna()
	text, tok, err := ana.CreateToken(c.ctx, token.Order{Name: "crm", Scopes: []string{token.Read}})
	if err != nil || !strings.HasPrefix(text, "slc_") {
		t.Fatal(err)
	}
	_, _, err = ana.CreateToken(c.ctx, token.Order{Name: "crm", Scopes: []string{"everything"}})
	refused(t, err, "everything")
	for id, want := range map[string]bool{"5511987654321": false, tok.ID: true} {
		if gone, err := ana.RevokeToken(c.ctx, id); gone != want || err != nil {
			t.Errorf("%s: %t, %v", id, gone, err)
		}
	}
	if gone, err := ana.RevokeToken(c.ctx, tok.ID); gone || err != nil {
		t.Errorf("again: %t, %v", gone, err)
	}
	c.noted(0, "create_token done", "revoke_token done", "revoke_token unchanged")

	first, err := ana.CreateEndpoint(c.ctx, outbox.Endpoint{Name: "hook", URL: "https://example.com/hook", Senders: []string{"promo"}})
	if err != nil || first == "" {
		t.Fatal(err)
	}
	if _, err := ana.CreateEndpoint(c.ctx, outbox.Endpoint{Name: "hook", URL: "https://example.com/other"}); !errors.Is(err, outbox.ErrExists) {
		t.Errorf("a second of the name: %v", err)
	}
	if second, err := ana.RotateEndpoint(c.ctx, "hook"); err != nil || second == "" || second == first {
		t.Errorf("rotated: %v", err)
	}
	if n, err := ana.Redeliver(c.ctx, "hook"); n != 0 || err != nil {
		t.Errorf("redelivered: %d, %v", n, err)
	}
	if err := ana.DeleteEndpoint(c.ctx, "hook"); err != nil {
		t.Error(err)
	}
	if _, err := ana.RotateEndpoint(c.ctx, "hook"); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("rotated, and there is none: %v", err)
	}
	c.noted(3, "create_callback done", "create_callback failed", "rotate_callback done", "redeliver unchanged", "delete_callback done", "rotate_callback failed")
}

// A number is found in whatever spelling, in every campaign that it is in, with what
// became of it, also where the campaign has no index yet.
func TestFind(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.ended("first")
	c.launch("second", "")
	if n := c.rdb.Del(c.ctx, keys.Index("second")).Val(); n != 1 {
		t.Fatal("it has no index")
	}
	if _, err := c.Suppress(c.ctx, []string{"5511987654321"}, ""); err != nil {
		t.Fatal(err)
	}
	for number, country := range map[string]string{"5511987654321": "", "551187654321": "", "(11) 98765-4321": "BR"} {
		p, err := c.Find(c.ctx, number, country)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, m := range p.Messages {
			got[m.Campaign] = m.State + " " + m.Sender
		}
		if !p.Suppressed || p.Number != "5511987654321" && p.Number != "551187654321" || len(p.Messages) != 2 || got["first"] != "accepted promo" || got["second"] != "pending promo" {
			t.Errorf("%s: %+v", number, p)
		}
	}
	if p, err := c.Find(c.ctx, "5521999999999", ""); err != nil || p.Suppressed || len(p.Messages) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	_, err := c.Find(c.ctx, "123", "")
	refused(t, err, "the number")
}
