package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

func page(t *testing.T, l *Log, q Query) (all []Entry) {
	t.Helper()
	if _, err := l.Page(t.Context(), q, func(e *Entry) bool { all = append(all, *e); return true }); err != nil {
		t.Fatal(err)
	}
	return all
}

// An act has one entry, whatever becomes of it.
func TestAct(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	l, who := New(rdb), Actor{Kind: "token", Name: "crm", Token: "abcd1234", Address: "127.0.0.1:4711", Request: "r1"}
	r, err := l.Begin(t.Context(), who, Act{Name: "pause", Campaign: "sale"})
	if err != nil {
		t.Fatal(err)
	}
	if all := page(t, l, Query{}); len(all) != 1 || all[0].Outcome != Begun || all[0].Campaign != "sale" {
		t.Errorf("%+v", all)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // whoever asked is gone
	if err := r.End(gone, Act{Name: "pause", Campaign: "sale", Sender: "promo", Detail: "running -> paused"}, Done); err != nil {
		t.Fatal(err)
	}
	all := page(t, l, Query{})
	if len(all) != 1 || time.Since(all[0].At).Abs() > time.Minute {
		t.Fatalf("%+v", all)
	}
	want := Entry{
		ID: all[0].ID, At: all[0].At, Actor: "token:crm", Token: "abcd1234", Address: "127.0.0.1", Request: "r1",
		Act: "pause", Campaign: "sale", Sender: "promo", Detail: "running -> paused", Outcome: Done,
	}
	if all[0] != want {
		t.Errorf("%+v, not %+v", all[0], want)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	l := New(redistest.New(t).Client(t))
	for i := range 2 * readAtOnce {
		who := Actor{Kind: "cli", Name: "ana@desk"}
		if i == 3 {
			who = Actor{Kind: "token", Name: "crm", Token: "abcd1234"}
		}
		if _, err := l.Begin(t.Context(), who, Act{Name: "pause", Campaign: fmt.Sprintf("c%d", i%10), Sender: "s"}); err != nil {
			t.Fatal(err)
		}
	}
	seen, after := map[string]bool{}, ""
	for {
		n := 0
		next, err := l.Page(t.Context(), Query{After: after}, func(e *Entry) bool { seen[e.ID] = true; n++; return n < 300 })
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == "" {
			break
		}
	}
	if len(seen) != 2*readAtOnce {
		t.Errorf("%d entries in pages", len(seen))
	}
	for what, c := range map[string]struct {
		q    Query
		want int
	}{
		"campaign": {Query{Campaign: "c3"}, readAtOnce / 5},
		"actor":    {Query{Actor: "token:crm"}, 1},
		"name":     {Query{Actor: "crm"}, 1},
		"token":    {Query{Actor: "abcd1234"}, 1},
		"user":     {Query{Actor: "ana@desk"}, 2*readAtOnce - 1},
		"act":      {Query{Act: "resume"}, 0},
		"sender":   {Query{Sender: func(s string) bool { return s != "s" }}, 0},
		"since":    {Query{Since: time.Now().Add(time.Hour)}, 0},
		"sooner":   {Query{Since: time.Now().Add(-time.Hour)}, 2 * readAtOnce},
	} {
		if n := len(page(t, l, c.q)); n != c.want {
			t.Errorf("%s: %d entries, not %d", what, n, c.want)
		}
	}
	if _, err := l.Page(t.Context(), Query{After: "x"}, nil); !errors.Is(err, ErrCursor) {
		t.Error(err)
	}
}

// The stream is bounded by age and by number, and an entry is a few hundred bytes.
func TestBounds(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	l, ctx := New(rdb), t.Context()
	old := time.Now().Add(-Keep - time.Hour).UnixMilli()
	for i := range 1000 { // redis-server drops whole nodes of a hundred
		if err := rdb.Do(ctx, "XADD", keys.Audit(), fmt.Sprintf("%d-%d", old, i), "act", "old").Err(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := l.Begin(ctx, Actor{}, Act{Name: "pause"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(ctx, Act{Name: "pause"}, Done); err != nil {
		t.Fatal(err)
	}
	if n := rdb.XLen(ctx, keys.Audit()).Val(); n > 101 {
		t.Errorf("%d entries are left", n)
	}
	who := Actor{Kind: "token", Name: "the-crm-of-brazil", Token: "abcd1234", Address: "10.20.30.40", Request: strings.Repeat("a", 24)}
	const n = 5000
	for i := range n {
		r, err := l.Begin(ctx, who, Act{Name: "set", Campaign: fmt.Sprintf("spring-sale-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.End(ctx, Act{Name: "set", Campaign: fmt.Sprintf("spring-sale-%d", i), Sender: "promo-br", Detail: "rate: the sender's own -> 20 messages a second"}, Done); err != nil {
			t.Fatal(err)
		}
	}
	if bytes := rdb.MemoryUsage(ctx, keys.Audit()).Val() / n; bytes > 400 {
		t.Errorf("an entry has %d bytes", bytes)
	} else {
		t.Logf("an entry has %d bytes", bytes)
	}
}

// What may be a number, or steers a terminal, stands in no entry.
func TestPlain(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"to +55 11 98765-4321 now":            "to *** now",
		"5511987654321":                       "***",
		"(11) 98765.4321":                     "(***",
		"rate: 5 -> 20 messages a second":     "rate: 5 -> 20 messages a second",
		"start_at: 2026-11-22T09:00:00Z":      "start_at: 2026-11-22T09:00:00Z",
		"window: 09:00-20:00":                 "window: 09:00-20:00",
		"rows 50000000":                       "rows 50000000",
		"\x1b[31mred\n":                       "[31mred",
		strings.Repeat("x", 300):              strings.Repeat("x", maxText) + "...",
		"token abcd1234 (crm): read, write":   "token abcd1234 (crm): read, write",
		"\xff" + strings.Repeat("é", maxText): strings.Repeat("é", maxText/2) + "...",
	} {
		if got := plain(given); got != want {
			t.Errorf("%q is %q, not %q", given, got, want)
		}
	}
	if who := (Actor{Kind: "cli", Name: "ana@desk"}).String(); who != "ana@desk" {
		t.Error(who)
	}
	if !slices.Contains(fields(Actor{Name: "5511987654321@desk"}, Act{}, Done, ""), any("***@desk")) {
		t.Error("an actor's name shows a number")
	}
}
