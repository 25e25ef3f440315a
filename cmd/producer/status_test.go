package main

import (
	"strings"
	"testing"

	"sluice/internal/campaign"
	"sluice/internal/status"
)

// Where the window is in each recipient's own time, no one time is given at which
// the campaign goes on.
func TestStatusOfEachRecipientsWindow(t *testing.T) {
	t.Parallel()
	const want = "each recipient's own time: 09:00 to 20:00\n"
	d := newOperator(t)
	d.must("send", d.campaign("own", `window: {from: "09:00", to: "20:00", timezone: recipient}`), "--no-preflight")
	out := d.must("status", "own")
	if !strings.Contains(out, "  window       "+want) || strings.Contains(out, "goes on at") {
		t.Error(out)
	}
	if out := d.must("status", "own", "--json"); strings.Contains(out, "goes_on_at") || strings.Contains(out, "09:00") {
		t.Error(out)
	}
	live := sight{Status: &status.Status{OwnTime: &campaign.Window{From: "09:00", To: "20:00"}}}
	if out := live.table(func(string) string { return "" }, 0); !strings.Contains(out, want) {
		t.Error(out)
	}
	d.must("cancel", "own")
	if out := d.must("status", "own"); strings.Contains(out, "own time") {
		t.Errorf("over, and still: %s", out)
	}
}

// No line of the live table is wider than the terminal, which would break it, and
// nothing of what is said is left out.
func TestLiveTableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	live := sight{Status: &status.Status{
		ID: "sale", State: "running", Rows: 700, Pending: 10, Accepted: 690, Codes: map[string]int{"22093": 3},
		Holds: []status.Hold{{What: status.HoldNoWorker, Text: strings.Repeat("no worker is alive, ", 9) + "end of why"}},
	}}
	meaning := func(string) string { return strings.Repeat("what it means and what to do, ", 9) + "end of meaning" }
	for _, width := range []int{0, 40, 79} {
		out := live.table(meaning, width)
		for line := range strings.Lines(out) {
			if width > 0 && len(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("%d letters on %d: %s", len(line), width, line)
			}
		}
		words := strings.Join(strings.Fields(out), " ")
		if !strings.Contains(words, "end of why") || !strings.Contains(words, "end of meaning") || !strings.Contains(words, "690 accepted") {
			t.Errorf("on %d letters: %s", width, out)
		}
	}
}
