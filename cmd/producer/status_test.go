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
	if out := live.table(func(string) string { return "" }); !strings.Contains(out, want) {
		t.Error(out)
	}
	d.must("cancel", "own")
	if out := d.must("status", "own"); strings.Contains(out, "own time") {
		t.Errorf("over, and still: %s", out)
	}
}
