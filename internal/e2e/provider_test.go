package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whatever the provider does instead of answering, whoever it may have taken is
// in doubt with the reason, is never submitted again, and nobody else suffers.
func TestProviderAnswersOddly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 500", "")
	w.sendersWith("timeout: 5s", "timeout: 2s")
	odd := []struct{ fault, code string }{
		{`latency: 4s`, "timeout"}, // taken, and said too late
		{`do: unanswered`, "timeout"},
		{`do: cut_after`, "reset"},
		{`do: reset`, "reset"},
		{`do: half`, "bad_answer"},
		{`do: half_chunk`, "bad_answer"},
		{`do: huge`, "bad_answer"},
		{`status: 200, taken: true, body: "<html>maintenance</html>"`, "bad_answer"},
		{`status: 200, taken: true`, "bad_answer"},
		{`status: 200, taken: true, body: '{"code":0,"message":"","data":{}}'`, "no_message_id"},
		{`status: 502, taken: true, body: "<html>bad gateway</html>"`, "http_502"},
		{`status: 500, body: "<html>oops</html>"`, "http_500"},
	}
	script := "faults:\n"
	for k, o := range odd {
		script += fmt.Sprintf("  - {suffix: \"%d\", %s}\n", 10+k, o.fault)
	}
	w.post("/_sandbox/faults", script+"  - {rate: 0.01, do: cut_before}\n")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("odd", w.list("odd.csv", 2000), ""), "--wait"); code != 3 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	arrived := map[string]int{}
	for _, e := range w.log() {
		arrived[e.Phone]++
	}
	cut := 0
	for _, row := range w.export("odd") {
		state, code := "accepted", ""
		if k, err := strconv.Atoi(row.Phone[len(row.Phone)-2:]); err == nil && k >= 10 && k-10 < len(odd) {
			state, code = "in_doubt", odd[k-10].code
		}
		switch n := arrived[row.Phone]; {
		case n > 1:
			t.Errorf("row %d was submitted %d times", row.Row, n)
		case n == 0:
			cut++ // before it was read
			state, code = "in_doubt", "reset"
		}
		if row.State != state || row.Code != code {
			t.Errorf("row %d is %s with %q, want %s with %q", row.Row, row.State, row.Code, state, code)
		}
	}
	if cut == 0 || cut != w.report().CutBefore {
		t.Errorf("%d never arrived, and %d were cut off before they were read", cut, w.report().CutBefore)
	}
	w.judge("odd")
}

// sendersWith replaces a text in the senders file.
func (w *world) sendersWith(old, text string) {
	w.t.Helper()
	was := readFile(w.t, w.dir+"/senders.yaml")
	if !strings.Contains(was, old) {
		w.t.Fatalf("the senders file has no %q", old)
	}
	w.file("senders.yaml", strings.ReplaceAll(was, old, text))
}

// Answers of a gigabyte are not read to their end, and do not fill the memory.
func TestProviderAnswersAGigabyte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{do: huge}]`)
	p := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("giga", w.list("g.csv", 1000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitLog(`"open":true`, time.Minute)
	w.post("/_sandbox/faults", "")
	a := w.awaitState("giga", "finished", time.Minute)
	answers := w.report().Codes["huge"]
	peak := p.proc("status", `VmHWM:\s+(\d+) kB`) >> 10
	read := p.proc("io", `rchar: (\d+)`) >> 20
	t.Logf("%d answers of a gigabyte: %d MB read, peak memory %d MB", answers, read, peak)
	if read > 4*answers+64 {
		t.Errorf("%d MB were read of %d answers", read, answers)
	}
	if peak > 150 {
		t.Errorf("the worker's memory grew to %d MB", peak)
	}
	if a.InDoubt != answers || a.Accepted != 1000-answers || answers > 64+16 {
		t.Errorf("%d answers of a gigabyte: %+v", answers, a)
	}
	w.judge("giga")
}

// proc is a number from a file of the process's in /proc.
func (p *process) proc(file, pattern string) int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	if err != nil {
		p.t.Skipf("no /proc here: %v", err)
	}
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		p.t.Fatalf("no %s in\n%s", pattern, text)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// awaitLog waits until a process of this world has logged a text.
func (w *world) awaitLog(text string, within time.Duration) {
	w.t.Helper()
	w.awaitLogs(text, 1, within)
}

// awaitLogs waits until a text has been logged so many times.
func (w *world) awaitLogs(text string, times int, within time.Duration) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for strings.Count(w.logs.String(), text) < times {
		if time.Now().After(deadline) {
			w.t.Fatalf("%q was not logged %d times within %s\n%s", text, times, within, w.logs.tail(4000))
		}
		<-tick.C
	}
}
