package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// found is what find --json says.
type found struct {
	Number     string `json:"number"`
	Suppressed bool   `json:"suppressed"`
	Messages   []struct {
		Campaign    string `json:"campaign"`
		Sender      string `json:"sender"`
		Row         int    `json:"row"`
		Phone       string `json:"phone"`
		State       string `json:"state"`
		Code        string `json:"code"`
		Message     string `json:"message"`
		MessageID   string `json:"message_id"`
		Attempts    int    `json:"attempts"`
		SubmittedAt string `json:"submitted_at"`
		Batch       int    `json:"batch"`
	} `json:"messages"`
}

func (d *operator) find(number string) found {
	d.t.Helper()
	var f found
	if err := json.Unmarshal([]byte(d.must("find", number, "--json")), &f); err != nil {
		d.t.Fatal(err)
	}
	return f
}

// A person is found in every campaign, in each spelling of their number, with what
// became of them; also where the index is gone.
func TestFind(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.must("send", d.campaign("first", ""), "--no-preflight")
	d.file("list.csv", "phone,name\n12,nobody\n5511987654322,Bia\n551187654321,Ana\n")
	d.must("send", d.campaign("second", ""), "--no-preflight")
	d.must("cancel", "second")
	l := ledger.New(d.rdb, time.Now)
	c, err := l.Claim(d.ctx, "first", 0, "w", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.rdb.Set(d.ctx, keys.Worker("w"), 1, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(d.ctx, []int{0}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Settle(d.ctx, []ledger.Settlement{{Index: 0, Outcome: sender.Accepted, MessageID: "wamid.1", Time: time.UnixMilli(1_790_000_000_000)}}); err != nil {
		t.Fatal(err)
	}
	d.must("suppress", "add", "5511987654321")
	for _, number := range []string{"5511987654321", "+55 (11) 98765-4321", "551187654321"} {
		f := d.find(number)
		if len(f.Messages) != 2 {
			t.Fatalf("%s: %+v", number, f)
		}
		a, b := f.Messages[1], f.Messages[0]
		if a.Campaign != "first" {
			a, b = b, a // created in the same millisecond
		}
		if a.Campaign != "first" || a.Sender != "promo" || a.Row != 1 || a.State != "accepted" || a.MessageID != "wamid.1" || a.SubmittedAt != "2026-09-21T14:13:20Z" || a.Attempts != 1 {
			t.Errorf("%s: %+v", number, a)
		}
		if b.Campaign != "second" || b.Row < 3 || b.State != "cancelled" || b.MessageID != "" {
			t.Errorf("%s: %+v", number, b)
		}
	}
	if !d.find("5511987654321").Suppressed || d.find("5511987654322").Suppressed {
		t.Error("suppression is told wrongly")
	}
	if f := d.find("5511900000000"); f.Messages == nil || len(f.Messages) != 0 {
		t.Errorf("a stranger: %+v", f)
	}
	if out := d.must("find", "5511987654321"); !strings.Contains(out, "first  row 1  accepted  2026-09-21T14:13:20Z  wamid.1\n") || !strings.Contains(out, "suppressed") {
		t.Error(out)
	}
	if _, said, code := d.run("find", "12"); code != 2 || !strings.Contains(said, "number") {
		t.Errorf("exit code %d: %s", code, said)
	}
	// An import that was killed after the launch has no index: it is made.
	want := d.find("5511987654321")
	d.rdb.Del(d.ctx, keys.Index("first"), keys.Phones("first", 0))
	if diff := cmp.Diff(want, d.find("5511987654321")); diff != "" {
		t.Errorf("without an index (-before +after):\n%s", diff)
	}
	if d.rdb.Exists(d.ctx, keys.Index("first")).Val() == 0 {
		t.Error("the index was not made")
	}
	d.rdb.Set(d.ctx, keys.Phones("first", 0), "damaged!", 0)
	if out := d.must("verify", "first"); !strings.Contains(out, "index of numbers") || !strings.Contains(out, "1 repaired") {
		t.Error(out)
	}
	if diff := cmp.Diff(want, d.find("5511987654321")); diff != "" {
		t.Errorf("after the repair (-before +after):\n%s", diff)
	}
}
