package e2e

import (
	"strings"
	"testing"
	"time"
)

// A campaign for those whom another one did not reach, one for those who have not
// heard lately, and one that is asked again when its batches are claimed: somebody has
// heard since its import.
func TestOnlyAndExceptAcrossCampaigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	list := w.list("list.csv", 100)
	campaign := func(id, rule, more string) string {
		file := w.nxCampaign(id, list, more)
		return w.file(id+".yaml", strings.Replace(readFile(t, file), "file: "+list, "file: "+list+rule, 1))
	}
	send := func(file string, args ...string) {
		t.Helper()
		if out, code := w.run("producer", append([]string{"send", file}, args...)...); code != 0 && code != 3 {
			t.Fatalf("send %s: %d %s\n%s", file, code, out, w.logs.tail(2000))
		}
	}
	w.post("/_sandbox/faults", `faults: [{suffix: "7", code: "22091"}]`)
	send(campaign("first", "", ""), "--wait")
	w.post("/_sandbox/faults", "")
	send(campaign("rest", ", only: {campaign: first, states: [rejected]}", ""), "--wait")
	if a := w.status("rest"); a.Accepted != 10 || a.Suppressed != 90 || a.Rows != 100 {
		t.Errorf("only those who were rejected: %+v", a)
	}
	send(campaign("lately", ", except: {campaigns: [first, rest], within: 7d}", ""), "--wait")
	if a := w.status("lately"); a.Accepted != 0 || a.Suppressed != 100 || a.State != "finished" {
		t.Errorf("but not who has heard: %+v", a)
	}
	const later = "start_at: 2099-01-01T00:00:00Z"
	send(campaign("meanwhile", "", later))
	send(campaign("late", ", except: {campaigns: [meanwhile], within: 1d}", later))
	if a := w.status("late"); a.Pending != 100 {
		t.Fatalf("%+v", a)
	}
	w.post("/_sandbox/faults", `faults: [{suffix: "7", code: "22091"}]`)
	for _, id := range []string{"meanwhile", "late"} {
		if out, code := w.run("producer", "set", id, "--start-at", "now"); code != 0 {
			t.Fatal(out)
		}
		w.awaitState(id, "finished", time.Minute)
		w.post("/_sandbox/faults", "")
	}
	if a := w.status("late"); a.Accepted != 10 || a.Suppressed != 90 {
		t.Errorf("who has heard since the import: %+v", a)
	}
	if out, code := w.run("producer", "verify", "late"); code != 0 {
		t.Errorf("verify: %d %s", code, out)
	}
	if _, code := w.run("producer", "send", campaign("wrong", ", only: {campaign: nobody, states: [rejected]}", "")); code != 2 {
		t.Errorf("a campaign that there is not: exit code %d", code)
	}
	w.judgeRows("first", "rest", "lately", "meanwhile", "late")
}
