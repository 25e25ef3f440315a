package main

import "testing"

// What is printed is the state that the campaign has come into.
func TestMovesTellTheState(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.must("send", d.campaign("now", ""), "--no-preflight")
	d.must("send", d.campaign("later", "start_at: 2099-01-01T00:00:00Z"), "--no-preflight")
	for _, tt := range []struct{ move, id, want string }{
		{"pause", "now", "now is paused\n"},
		{"pause", "now", "now was paused already\n"},
		{"resume", "now", "now is running\n"},
		{"resume", "now", "now was running already\n"},
		{"pause", "later", "later is paused\n"},
		{"resume", "later", "later is scheduled\n"},
		{"cancel", "later", "later is cancelled\n"},
		{"cancel", "later", "later was cancelled already\n"},
	} {
		if out := d.must(tt.move, tt.id); out != tt.want {
			t.Errorf("%s %s: printed %q, want %q", tt.move, tt.id, out, tt.want)
		}
	}
}
