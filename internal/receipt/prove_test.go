package receipt

import (
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

func (h *house) end(c *ledger.Claim, i int, o sender.Outcome) {
	h.t.Helper()
	if _, err := c.Settle(h.t.Context(), []ledger.Settlement{{Index: i, Outcome: o, Code: "timeout", Time: noon}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) sweep(a *Applier) {
	h.t.Helper()
	if err := a.Sweep(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) totals(id string) ledger.Totals {
	h.t.Helper()
	totals, err := h.l.Totals(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return totals
}

// A receipt that names the submission resolves its doubt: at once where an answer
// left it, and once it is known that none will come where its worker is gone. Also
// by another receiver than the one that took it.
func TestReceiptsResolveDoubts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 4)
	c := h.claim("c", 0)
	h.begin(c, 0, 1, 2)
	h.end(c, 0, sender.Unknown)
	h.end(c, 1, sender.Failed)
	a := h.applier()
	var some []sender.Receipt
	for i := range 3 {
		r := rec(number(0, i), "m", sender.Delivered, 1)
		r.Reference = "c/0/0/1"
		some = append(some, r)
	}
	h.apply(a, some...)
	if n := h.totals("c"); n.Accepted != 2 || n.InDoubt != 0 || n.Codes[string(ledger.CodeReceipt)] != 2 {
		t.Errorf("%+v", n)
	}
	if f := h.look("c"); f.Delivered != 2 || f.Early != 1 {
		t.Errorf("%+v", f)
	}
	h.sweep(a)
	if n := h.totals("c"); n.Accepted != 2 {
		t.Errorf("what is in flight: %+v", n)
	}
	h.claim("c", 0) // the first is gone
	if n := h.totals("c"); n.InDoubt != 1 {
		t.Errorf("%+v", n)
	}
	other := h.applier()
	h.sweep(other)
	if n, f := h.totals("c"), h.look("c"); n.Accepted != 3 || n.InDoubt != 0 || f.Delivered != 3 || f.Early != 0 {
		t.Errorf("%+v %+v", n, f)
	}
	if h.counted["proved"] != 3 {
		t.Errorf("%v", h.counted)
	}
}

// A receipt that names a number alone resolves a doubt only where nobody else sends
// from the sender's number, and where it can be of one submission alone.
func TestDoubtsByNumber(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sole, twice, before, another bool
		want                         int
	}{
		"others may send":        {},
		"sole user":              {sole: true, want: 1},
		"in two campaigns":       {sole: true, twice: true},
		"before the campaign":    {sole: true, before: true},
		"two messages' receipts": {sole: true, another: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			for _, id := range []string{"first", "second"} {
				if id == "first" && !tt.twice {
					continue
				}
				h.campaign(id, 1, 2)
				h.rdb.HSet(t.Context(), keys.Campaign(id), "created_at", noon.UnixMilli())
				c := h.claim(id, 0)
				h.begin(c, 0)
				h.end(c, 0, sender.Unknown)
			}
			a := h.applier()
			a.o.SoleUser = func(string) bool { return tt.sole }
			after := 5
			if tt.before {
				after = -5
			}
			rs := []sender.Receipt{rec(number(0, 0), "m", sender.Read, after)}
			if tt.another {
				rs = append(rs, rec(number(0, 0), "other", sender.Sent, after))
			}
			h.apply(a, rs...)
			h.sweep(a)
			if n := h.totals("second"); n.Accepted != tt.want || n.InDoubt != 1-tt.want {
				t.Errorf("%+v", n)
			}
			rows, err := h.l.Rows(t.Context(), "second", 0)
			if err != nil {
				t.Fatal(err)
			}
			reader, err := NewReader(t.Context(), h.rdb, "second")
			if err != nil {
				t.Fatal(err)
			}
			word := map[bool]string{true: "read", false: "probable"}[tt.want > 0]
			for i, want := range []string{word, ""} { // nothing was submitted to the second
				if said, err := reader.Of(t.Context(), &rows[i]); err != nil || said.Word() != want {
					t.Errorf("recipient %d: %q, want %q, %v", i, said.Word(), want, err)
				}
			}
		})
	}
}

// The account that is kept of a retired campaign says what a receipt proved since.
func TestProofRenewsTheAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 1)
	c := h.claim("c", 0)
	h.begin(c, 0)
	h.end(c, 0, sender.Unknown)
	h.rdb.HSet(t.Context(), keys.Campaign("c"), "state", "finished", "final", "{}", "expiring", "1")
	if err := h.l.Expire(t.Context(), "c", time.Hour); err != nil {
		t.Fatal(err)
	}
	r := rec(number(0, 0), "m", sender.Sent, 1)
	r.Reference = "c/0/0/1"
	h.apply(h.applier(), r)
	if n := h.totals("c"); n.Accepted != 1 {
		t.Errorf("%+v", n)
	}
	if final := h.rdb.HGet(t.Context(), keys.Campaign("c"), "final").Val(); final == "{}" {
		t.Error("the account is the old one")
	}
	for _, key := range h.rdb.Keys(t.Context(), "sluice:{c}:*").Val() {
		if ttl := h.rdb.PTTL(t.Context(), key).Val(); ttl <= 0 {
			t.Errorf("%s stays", key)
		}
	}
}
