package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// wrongClock builds the worker with a wall clock that can be wrong: SLUICE_TEST_CLOCK
// has so many seconds added to it at once, and so many more after so many seconds.
// What the system says of time that has passed stays true, as on a machine whose
// clock is set. The toolchain's own time package is built with that change.
func (w *world) wrongClock() {
	w.t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	was := readFile(w.t, source)
	text := strings.Replace(was, now, now+"\tsec += wrong(mono)\n", 1)
	if text == was {
		w.t.Fatal("time.Now is not what this test knows")
	}
	text += `
var wrongBy, wrongAfter, wrongThen = func() (by, after, then int64) {
	text, _ := syscall.Getenv("SLUICE_TEST_CLOCK")
	numbers, k, sign := [3]int64{}, 0, int64(1)
	for _, c := range text {
		switch {
		case c == ' ':
			k, sign = k+1, 1
		case c == '-':
			sign = -1
		default:
			numbers[k] = numbers[k]*10 + sign*int64(c-'0')
		}
	}
	return numbers[0], numbers[1], numbers[2]
}()

func wrong(mono int64) int64 {
	if wrongAfter > 0 && mono-startNano > wrongAfter*1e9 {
		return wrongBy + wrongThen
	}
	return wrongBy
}
`
	text = strings.Replace(text, "import (\n", "import (\n\t\"syscall\"\n", 1)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: w.file("time.go", text)}})
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	out, err := exec.Command("go", "build", "-overlay", w.file("overlay.json", string(overlay)), "-o", filepath.Join(dir, "worker"), "sluice/cmd/worker").CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"producer", "sandbox"} {
		if err := os.Symlink(filepath.Join(w.bin, name), filepath.Join(dir, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.bin = dir
}

// startAt starts a worker with a wrong clock.
func (w *world) startAt(clock string, args ...string) *process {
	w.t.Helper()
	was := w.env
	defer func() { w.env = was }()
	w.env = append(w.env[:len(w.env):len(w.env)], "SLUICE_TEST_CLOCK="+clock)
	return w.start("worker", args...)
}

// The workers' clocks are hours apart, and two jump during the run, forth and
// back. The pace is kept, nobody is taken twice, no batch is taken from a living
// worker, retries and hand-backs go on, nothing is sent before its time, and the
// times on record are right.
func TestClocksApartAndJumping(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.wrongClock()
	w.writeSenders(", messages_per_second: 300", "")
	w.post("/_sandbox/faults", `faults: [{suffix: "7", times: 2, code: "22041"}]`)
	for _, clock := range []string{"3600", "-3600", "0 4 7200", "0 4 -7200"} {
		w.startAt(clock, "--hand-back", "1s", "--retry-base", "200ms")
	}
	begun := time.Now()
	shut := begun.UTC().Add(30 * time.Minute) // and open by one worker's clock, or two
	window := fmt.Sprintf("window: {from: %q, to: %q, timezone: UTC}", shut.Format("15:04"), shut.Add(2*time.Hour).Format("15:04"))
	w.list("few.csv", 10)
	for id, when := range map[string]string{"shut": window, "ahead": "start_at: " + begun.Add(40*time.Minute).Format(time.RFC3339)} {
		if _, code := w.run("producer", "send", w.nxCampaign(id, "few.csv", when)); code != 0 {
			t.Fatalf("send %s failed\n%s", id, w.logs.tail(2000))
		}
	}
	w.file("many.csv", strings.ReplaceAll(readFile(t, filepath.Join(w.dir, w.list("many.csv", 3000))), "\n551191", "\n551192"))
	if _, code := w.run("producer", "send", w.nxCampaign("apart", "many.csv", "")); code != 0 {
		t.Fatal("send failed")
	}
	a := w.awaitState("apart", "finished", time.Minute)
	if a.Accepted != 3000 {
		t.Errorf("%+v", a)
	}
	if r := w.report(); r.MaxPerSecond > 309 {
		t.Errorf("%d messages in one second, the limit is 300", r.MaxPerSecond)
	}
	if strings.Contains(w.logs.String(), "taking over the batch") {
		t.Error("a living worker's batch was taken over")
	}
	for id, state := range map[string]string{"shut": "running", "ahead": "scheduled"} {
		if a := w.status(id); a.State != state || a.Pending != 10 {
			t.Errorf("sent before its time: %+v", a)
		}
	}
	for _, row := range w.export("apart") {
		at, err := time.Parse(time.RFC3339, row.Submitted)
		if err != nil || at.Before(begun.Add(-2*time.Second)) || at.After(time.Now().Add(2*time.Second)) {
			t.Fatalf("submitted at %q (%v), in a test that began at %s", row.Submitted, err, begun)
		}
	}
	w.judge("apart", "shut", "ahead")
}
