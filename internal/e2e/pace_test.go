package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A limit is changed while the campaign runs: the senders file, then SIGHUP.
func TestLimitChangesWhileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 20", "")
	workers := []*process{w.start("worker"), w.start("worker")}
	if _, code := w.run("producer", "send", w.nxCampaign("faster", w.list("f.csv", 1500), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("faster", "under way", time.Minute, func(a account) bool { return a.Accepted > 20 })
	w.writeSenders(", messages_per_second: 400", "")
	for _, p := range workers {
		p.cmd.Process.Signal(syscall.SIGHUP)
	}
	w.awaitState("faster", "finished", 30*time.Second) // 75 s at the old limit
	if r := w.report(); r.MaxPerSecond > 412 {
		t.Errorf("%d messages in one second", r.MaxPerSecond)
	}
	w.judge("faster")
}

// Another setting is changed under load: what is in flight ends with the old one,
// the rest goes on with the new.
func TestSenderChangesWhileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "200ms")
	good := readFile(t, filepath.Join(w.dir, "senders.yaml"))
	w.file("senders.yaml", strings.ReplaceAll(good, "in_flight: 64", "in_flight: 4"))
	worker := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("wider", w.list("w.csv", 3000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("wider", "under way", time.Minute, func(a account) bool { return a.Accepted > 20 })
	w.file("senders.yaml", good)
	worker.cmd.Process.Signal(syscall.SIGHUP)
	a := w.awaitState("wider", "finished", time.Minute) // 150 s with four in flight
	if a.Accepted != 3000 {
		t.Errorf("not all were accepted: %+v", a)
	}
	w.judge("wider")
}

// A provider that throttles slows all workers down, its Retry-After is obeyed, it
// costs nobody an attempt, and status tells of it.
func TestThrottledSlowsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 200", "")
	w.start("worker")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("slow", w.list("s.csv", 2500), "max_attempts: 1")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("slow", "under way", time.Minute, func(a account) bool { return a.Accepted > 200 })
	w.post("/_sandbox/faults", `faults: [{status: 429, retry_after: "2", count: 3}]`)
	w.awaitAccount("slow", "slowed down", time.Minute, func(a account) bool { return a.Pace.Factor < 0.8 })
	w.quietFor(time.Second, time.Minute)
	if a := w.awaitState("slow", "finished", time.Minute); a.Accepted != 2500 {
		t.Errorf("throttling cost somebody: %+v", a)
	}
	w.judge("slow")
}

// No second holds more than the limit, whatever the number of workers, by the
// sandbox' own clock. What is used of the limit is only reported: it depends on
// the machine. It runs beside no other: what waits for a processor on its way arrives
// together with what follows it, and counts as more than was sent.
func TestPaceOfRealWorkers(t *testing.T) {
	for _, tt := range []struct {
		limit, workers, rows int
		whole                bool
	}{
		{20, 1, 100, false},
		{80, 3, 400, false},
		{500, 3, 2500, false},
		{1000, 2, 6000, false},
		{80, 2, 400, true},
		{500, 2, 2500, true},
	} {
		t.Run(fmt.Sprintf("%d a second, %d workers, whole %v", tt.limit, tt.workers, tt.whole), func(t *testing.T) {
			w := newWorld(t, "--latency", "10ms")
			limits := fmt.Sprintf(", messages_per_second: %d", tt.limit)
			w.writeSenders(limits, limits)
			for range tt.workers {
				w.start("worker")
			}
			file := w.nxCampaign("paced", w.list("p.csv", tt.rows), "")
			if tt.whole {
				file = w.innoCampaign("paced", "p.csv", "")
			}
			if _, code := w.run("producer", "send", file, "--wait"); code != 0 {
				t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
			}
			r := w.report()
			most := tt.limit * 103 / 100
			if tt.limit < 50 {
				most = tt.limit + 1
			}
			if r.MaxPerSecond > most {
				t.Errorf("%d messages in one second, the limit is %d", r.MaxPerSecond, tt.limit)
			}
			took := time.Duration(r.LastUS-r.FirstUS) * time.Microsecond
			t.Logf("most in a second %.1f %%, average %.1f %% of the limit over %s", 100*float64(r.MaxPerSecond)/float64(tt.limit),
				100*r.AveragePerSecond/float64(tt.limit), took.Round(100*time.Millisecond))
			w.judge("paced")
		})
	}
}

// A pace so slow that a batch outlasts what it may take: its rest is handed back
// and goes on, at no attempt's cost.
func TestSlowPaceHandsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 8", "")
	w.start("worker", "--hand-back", "1s")
	if _, code := w.run("producer", "send", w.nxCampaign("snail", w.list("s.csv", 60), "max_attempts: 1"), "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	for _, row := range w.export("snail") {
		if row.State != "accepted" || row.Attempts != 1 {
			t.Fatalf("row %d: %s after %d attempts", row.Row, row.State, row.Attempts)
		}
	}
	if runs := strings.Count(w.logs.String(), `"message":"batch run"`); runs < 4 {
		t.Errorf("the batch ran %d times in 7 s, with 1 s each", runs)
	}
	w.judge("snail")
}

// The limit holds while workers die and Redis restarts.
func TestPaceThroughKillsAndRestart(t *testing.T) { // beside no other, as TestPaceOfRealWorkers
	w := newWorldWith(t, []string{"--appendfsync", "always"}, "--latency", "10ms")
	w.writeSenders(", messages_per_second: 300", "")
	workers := []*process{w.start("worker"), w.start("worker"), w.start("worker")}
	if _, code := w.run("producer", "send", w.nxCampaign("rough", w.list("r.csv", 4000), "")); code != 0 {
		t.Fatal("send failed")
	}
	for i, more := range []int{300, 900, 1500} {
		w.awaitAccount("rough", "under way", time.Minute, func(a account) bool { return a.Accepted > more })
		workers[i].kill()
		w.start("worker")
		if i == 1 {
			w.redis.Kill(t)
			w.redis.Start(t)
		}
	}
	w.awaitState("rough", "finished", 2*time.Minute)
	r := w.report()
	t.Logf("most in a second %.1f %%, average %.1f %% of the limit", float64(r.MaxPerSecond)/3, r.AveragePerSecond/3)
	if r.MaxPerSecond > 309 {
		t.Errorf("%d messages in one second, the limit is 300", r.MaxPerSecond)
	}
	w.judge("rough")
}

// A request that is made anew, because its signature had grown old, takes a slot
// like the first.
func TestSecondRequestTakesASlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{times: 1, code: "1004"}]`)
	w.writeSenders(", messages_per_second: 50", "")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("twice", w.list("t.csv", 150), "max_attempts: 1"), "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	if r := w.report(); r.MaxRequestsPerSecond > 52 || r.Requests != 300 {
		t.Errorf("%d requests in one second of %d, the limit is 50", r.MaxRequestsPerSecond, r.Requests)
	}
	w.judge("twice")
}

// A provider that asks for a day's pause does not get it: the campaign halts, and
// its reason says so. A shorter one is obeyed, and ends when a person says so.
func TestPauseThatIsTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker", "--metrics-addr", "127.0.0.1:0")
	served := w.served()
	w.post("/_sandbox/faults", `faults: [{status: 429, retry_after: "86400", count: 1}]`)
	if _, code := w.run("producer", "send", w.nxCampaign("long", w.list("l.csv", 20), "")); code != 0 {
		t.Fatal("send failed")
	}
	if a := w.awaitState("long", "halted", time.Minute); !strings.Contains(a.Reason, "a pause of 24h0m0s, which is more than 15m0s") || a.Rejected+a.InDoubt > 0 {
		t.Errorf("%+v", a)
	}
	w.post("/_sandbox/faults", `faults: [{status: 429, retry_after: "600", count: 1}]`)
	if _, code := w.run("producer", "resume", "long"); code != 0 {
		t.Fatal("resume failed")
	}
	w.await("the pause", time.Minute, func() bool {
		out, _ := w.run("producer", "status", "long")
		line := strings.Split(out, "\n")[1] // below id and state: the first that holds
		return strings.Contains(line, "throttled until 20") && strings.Contains(line, "`producer resume long --clear-pause`")
	})
	w.await("the worker's word on it", time.Minute, func() bool {
		out, _ := w.run("producer", "workers")
		_, metrics := w.get(served + "/metrics")
		return strings.Contains(out, "promo-br until 20") && strings.Contains(metrics, `sluice_pace_pause_seconds{sender="promo-br"} 5`)
	})
	if out, code := w.run("producer", "resume", "--clear-pause", "long"); code != 0 || !strings.Contains(out, "the pause of promo-br is ended, and it is running") {
		t.Fatal(out, code)
	}
	if a := w.awaitState("long", "finished", time.Minute); a.Accepted != 20 {
		t.Errorf("%+v", a)
	}
}

// The sender's messages of 24 hours are kept, status says until when, and nothing
// spins meanwhile.
func TestDayIsFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{suffix: "4", code: "22091"}]`) // not accepted: not counted
	w.writeSenders(", messages_per_second: 500, messages_per_day: 200", "")
	w.start("worker")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("day", w.list("d.csv", 2000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("day", "full", time.Minute, func(a account) bool { return a.Accepted >= 180 && !a.GoesOnAt.IsZero() })
	w.quietFor(2*time.Second, 30*time.Second)
	a := w.status("day")
	if a.Accepted > 200 || a.Accepted < 190 || a.State != "running" || a.InDoubt != 0 {
		t.Errorf("%+v", a)
	}
	if until := time.Until(a.GoesOnAt); until < 23*time.Hour || until > 25*time.Hour {
		t.Errorf("goes on at %s", a.GoesOnAt)
	}
	rdb := w.redis.Client(t)
	before := rdb.Info(t.Context(), "commandstats").Val()
	pause := time.NewTimer(3 * time.Second)
	<-pause.C
	after := rdb.Info(t.Context(), "commandstats").Val()
	if spun := calls(t, after, "time") - calls(t, before, "time"); spun > 40 {
		t.Errorf("%d questions for slots in 3 s of waiting", spun)
	}
	w.judge("day")
}

// calls is how often Redis has run a command.
func calls(t *testing.T, stats, command string) int {
	t.Helper()
	m := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(stats)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Two campaigns on one sender share by their priority, and a small one begins
// within a second while a large one runs.
func TestCampaignsShareByPriority(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "10ms")
	w.writeSenders(", messages_per_second: 400", "")
	w.start("worker")
	w.start("worker")
	w.list("one.csv", 30_000)
	if _, code := w.run("producer", "send", w.nxCampaign("normal", "one.csv", "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("normal", "under way", time.Minute, func(a account) bool { return a.Accepted > 400 })
	w.listFrom("two.csv", 40_000_000, 30_000)
	if _, code := w.run("producer", "send", w.nxCampaign("high", "two.csv", "priority: high")); code != 0 {
		t.Fatal("send failed")
	}
	sent := time.Now()
	first := w.awaitAccount("high", "begun", time.Minute, func(a account) bool { return a.Accepted > 0 })
	t.Logf("the second began within %s", time.Since(sent).Round(10*time.Millisecond))
	before := w.status("normal")
	w.awaitAccount("high", "well under way", time.Minute, func(a account) bool { return a.Accepted > first.Accepted+2500 })
	normal, high := w.status("normal").Accepted-before.Accepted, w.status("high").Accepted-first.Accepted
	share := float64(high) / float64(normal)
	t.Logf("shares 2 to %.2f", 2*share)
	if share < 1.6 || share > 2.4 {
		t.Errorf("high got %d and normal %d: weights are 4 and 2", high, normal)
	}
}
