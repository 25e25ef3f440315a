package e2e

import "testing"

// The exit codes are those of docs/cli.md.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{suffix: "77", code: "22091"}]`)
	w.start("worker")
	w.file("mixed.csv", "phone,name\n"+phone(1)+",a\n"+phone(1)+",again\n123,nobody\n"+phone(2)+",b\n")
	high := w.file("high.yaml", readFile(t, w.nxCampaign("mixed", "mixed.csv", "priority: high")))
	other := w.file("other.yaml", readFile(t, w.nxCampaign("mixed", "refused.csv", "")))
	mixed := w.nxCampaign("mixed", "mixed.csv", "")
	w.file("refused.csv", "phone,name\n"+phone(77)+",a\n"+phone(2)+",b\n")
	refused := w.nxCampaign("refused", "refused.csv", "")
	later := w.nxCampaign("later", "mixed.csv", "start_at: 2099-01-01T00:00:00Z")
	for _, tt := range []struct {
		code int
		args []string
	}{
		{0, []string{"--help"}},
		{0, []string{"send", mixed, "--wait"}},
		{0, []string{"send", mixed, "--wait"}},
		{3, []string{"send", mixed, "--wait", "--strict-exit"}},
		{3, []string{"send", refused, "--wait"}},
		{0, []string{"send", later}},
		{0, []string{"cancel", "later"}},
		{3, []string{"send", later, "--wait"}},
		{2, []string{"send", high}},
		{2, []string{"send", other}},
		{2, []string{"send", w.file("wrong.yaml", "id: wrong\nspeed: 1\n")}},
		{2, []string{"send", "missing.yaml"}},
		{2, []string{"set", "mixed"}},
		{2, []string{"set", "mixed", "--priority", "urgent"}},
		{2, []string{"pause"}},
		{2, []string{"export", "mixed", "--states", "lost"}},
		{1, []string{"pause", "nobody"}},
		{1, []string{"pause", "mixed"}}, // it is finished
		{1, []string{"set", "mixed", "--rate", "5"}},
		{1, []string{"status", "nobody"}},
		{1, []string{"send", mixed, "--redis-url", "redis://127.0.0.1:1"}},
	} {
		if out, code := w.run("producer", tt.args...); code != tt.code {
			t.Errorf("%v: exit code %d, want %d\n%s\n%s", tt.args, code, tt.code, out, w.logs.tail(300))
		}
	}
}
