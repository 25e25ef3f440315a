package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Who looks at a campaign that does not move is told why; `workers` says who is
// there to move it.
func TestStatusSaysWhatHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 2", "")
	w.list("list.csv", 400)
	says := func(what, want string, within time.Duration) {
		t.Helper()
		w.await(what, within, func() bool {
			out, code := w.run("producer", "status", "sale")
			return code == 0 && strings.Contains(out, want)
		})
	}
	out, code := w.run("producer", "send", w.nxCampaign("sale", "list.csv", "start_at: 2020-01-01T00:00:00Z"))
	if code != 0 || !strings.Contains(out, "has passed already") || !strings.Contains(out, "  ends at      20") {
		t.Fatalf("send: exit code %d\n%s", code, out)
	}
	says("nobody there", "no worker is alive, and none has been seen", time.Second)
	if out, _ := w.run("producer", "workers"); !strings.Contains(out, "none has been seen") {
		t.Error(out)
	}
	p := w.start("worker")
	type worker struct {
		Worker, Host, Version string
		Since                 time.Time
		Senders, Campaigns    []string
		InFlight              *int      `json:"in_flight"`
		LastBeat              time.Time `json:"last_beat"`
	}
	var is worker
	w.await("a worker that sends", time.Minute, func() bool {
		out, code := w.run("producer", "workers", "--json")
		return code == 0 && json.Unmarshal([]byte(out), &is) == nil && len(is.Campaigns) > 0
	})
	if is.Worker == "" || is.Host == "" || is.Version == "" || is.InFlight == nil || len(is.Senders) != 2 || is.Campaigns[0] != "sale" ||
		time.Since(is.Since) > time.Minute || time.Since(is.LastBeat) > 10*time.Second {
		t.Errorf("%+v", is)
	}
	if out, _ := w.run("producer", "status", "sale"); strings.Contains(out, "no worker") {
		t.Errorf("with a worker: %s", out)
	}
	// The provider goes away: ten failures open the circuit.
	if _, code := w.run("producer", "set", "sale", "--rate", "0"); code != 0 {
		t.Fatal("set failed")
	}
	w.post("/_sandbox/faults", `faults: [{status: 503, body: "away"}]`)
	says("the circuit", "the provider does not answer (http_503)", 30*time.Second)
	p.kill()
	says("the worker's death", "no worker is alive since 20", 15*time.Second)
	if _, code := w.run("producer", "pause", "sale"); code != 0 {
		t.Fatal("pause failed")
	}
	says("the pause", "paused by ", time.Second)
}
