package e2e

import (
	"fmt"
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
	w.awaitAccount("slow", "slowed down", 30*time.Second, func(a account) bool { return a.Pace.Factor < 0.8 })
	w.quietFor(time.Second, 10*time.Second)
	if a := w.awaitState("slow", "finished", time.Minute); a.Accepted != 2500 {
		t.Errorf("throttling cost somebody: %+v", a)
	}
	w.judge("slow")
}

// No second holds more than the limit, whatever the number of workers, by the
// sandbox' own clock. What is used of the limit is only reported: it depends on
// the machine.
func TestPaceOfRealWorkers(t *testing.T) {
	t.Parallel()
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
