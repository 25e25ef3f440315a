package progress

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	t.Parallel()
	for want, k := range map[string]Look{
		"importing  [######..................]  25 %  250 rows, 40 a second": {What: "importing", Part: 0.25, Rows: 250},
		"reading  7 rows, 40 a second":                                       {What: "reading", Part: -1, Rows: 7},
		"sale running  [########################] 100 %  9 of 9 rows, 7 accepted, 1 rejected, 1 in doubt, 40 a second; paused": {What: "sale running", Part: 1, Rows: 9, Of: 9, Tally: &Tally{7, 1, 1}, Note: "paused"},
	} {
		if got := Text(k, 40.4); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	for _, part := range []float64{-1, 0, 0.999, 1, 7} {
		if n := len(Bar(part)); n != barWidth+2 {
			t.Errorf("a bar of %g has %d signs", part, n)
		}
	}
	if got := cut("größer", 3); got != "grö" || cut("ab", 0) != "ab" || cut("ab", 2) != "ab" {
		t.Errorf("cut to %q", got)
	}
}

// On a narrow terminal the bar goes first, and what holds it stays in sight.
func TestFit(t *testing.T) {
	t.Parallel()
	k := Look{What: "sale running", Part: 0.25, Rows: 25, Of: 100, Tally: &Tally{20, 3, 2}}
	held := k
	held.Note = "no worker is alive since 12:00"
	for _, tt := range []struct {
		k    Look
		most int
		want string
	}{
		{k, 0, "sale running  [######..................]  25 %  25 of 100 rows, 20 accepted, 3 rejected, 2 in doubt, 7 a second"},
		{k, 130, "sale running  [######..................]  25 %  25 of 100 rows, 20 accepted, 3 rejected, 2 in doubt, 7 a second"},
		{k, 90, "sale running   25 %  25 of 100 rows, 20 accepted, 3 rejected, 2 in doubt, 7 a second"},
		{k, 40, "sale running   25 %  25 of 100 rows, 20 "},
		{held, 120, "sale running   25 %  25 of 100 rows, 20 accepted, 3 rejected, 2 in doubt, 7 a second; no worker is alive since 12:00"},
		{held, 79, "sale running: no worker is alive since 12:00; 25 %  25 of 100 rows, 20 accepted,"[:79]},
		{held, 20, "sale running: no wor"},
	} {
		if got := fit(tt.k, 7, tt.most); got != tt.want {
			t.Errorf("%d letters: %q, want %q", tt.most, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		most int
		want []string
	}{
		{"a b", 0, []string{"a b"}},
		{"", 3, []string{""}},
		{"one two three", 8, []string{"one two", "three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"größengleich", 5, []string{"größe", "nglei", "ch"}},
		{"  x  abcdefgh", 5, []string{"  x ", "abcde", "fgh"}},
	} {
		if got := Wrap(tt.text, tt.most); !slices.Equal(got, tt.want) {
			t.Errorf("%q in %d: %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}

// The pace is that of the last seconds, whatever came before.
func TestMeter(t *testing.T) {
	t.Parallel()
	var m Meter
	now := time.Unix(1000, 0)
	if rate := m.Add(now, 500); rate != 0 {
		t.Errorf("%g a second before any time has passed", rate)
	}
	rows := 500
	for range 20 {
		now, rows = now.Add(time.Second), rows+10
		if rate := m.Add(now, rows); rate != 10 {
			t.Errorf("%g a second, not 10", rate)
		}
	}
	for range 5 {
		now = now.Add(time.Second)
		m.Add(now, rows)
	}
	if rate := m.Add(now.Add(time.Second), rows); rate != 0 || len(m.seen) > 8 {
		t.Errorf("%g a second after seconds of nothing, of %d samples", rate, len(m.seen))
	}
	if rate := m.Add(now.Add(2*time.Second), 0); rate != 0 {
		t.Errorf("%g a second backwards", rate)
	}
}

// Where there is no terminal nothing is said but what holds it, each thing once.
func TestLineIsQuietOffATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := New(&out, func(string) string { return "" })
	now := time.Unix(1000, 0)
	show := func(after time.Duration, note string) {
		now = now.Add(after)
		l.Show(now, Look{What: "sale running", Part: 0.5, Rows: 1, Of: 2, Note: note})
	}
	show(0, "")
	show(time.Second, "no worker is alive")
	show(time.Second, "no worker is alive")
	show(time.Second, "throttled to 50 %")
	show(tellEvery, "throttled to 55 %")
	show(time.Second, "")
	l.Done()
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "no worker") || !strings.Contains(got, "55 %") || strings.Contains(got, "\033") {
		t.Errorf("%q", got)
	}
}

// Colours are for terminals, and for nobody who does not want them.
func TestColour(t *testing.T) {
	t.Parallel()
	none := ColourOf(&bytes.Buffer{}, func(string) string { return "" })
	some := Colour{on: true}
	for _, state := range []string{"running", "finished", "halted", "paused", "importing", "scheduled"} {
		if none.State(state) != state {
			t.Errorf("%s is painted where nobody looks", state)
		}
		if got := some.State(state); len(got) != len(state)+9 || !strings.Contains(got, state) {
			t.Errorf("%q", got)
		}
	}
	if some.Bad("x") == some.Good("x") || some.Warn("x") == some.Bad("x") || some.Plain("x") == some.Good("x") {
		t.Error("two of them are alike")
	}
}
