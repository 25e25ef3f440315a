package e2e

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/redistest"
)

// restorable is a world with a campaign.
func restorable(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 300", "")
	if _, code := w.run("producer", "send", w.nxCampaign("back", w.list("b.csv", 6000), "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	return w
}

// snapshot is one of the world's Redis, which then goes on for some seconds.
func (w *world) snapshot() redistest.Snapshot {
	w.t.Helper()
	w.awaitAccount("back", "under way", time.Minute, func(a account) bool { return a.Accepted > 300 })
	saved := w.redis.Save(w.t)
	before := w.report().Taken
	w.await("under way after the snapshot", time.Minute, func() bool { return w.report().Taken > before+1000 })
	return saved
}

// judgeHalted sees the campaign halted, and nobody sent to again until a person says
// so, who is told what that means.
func (w *world) judgeHalted(t *testing.T) {
	t.Helper()
	a := w.awaitState("back", "halted", time.Minute)
	if !strings.HasPrefix(a.Reason, "Redis was restored, its state is ") {
		t.Errorf("the reason is %q", a.Reason)
	}
	w.quietFor(3*time.Second, time.Minute)
	if r := w.report(); r.Duplicates > 0 {
		t.Errorf("%d were taken twice", r.Duplicates)
	}
	if text, _ := w.run("producer", "status", "back"); !strings.Contains(text, "halted: Redis was restored, its state is ") {
		t.Errorf("status says\n%s", text)
	}
	if text, code := w.run("producer", "resume", "back"); code != 0 || !strings.Contains(text, "running") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if said := w.logs.tail(4000); !strings.Contains(said, "gets a second message now") {
		t.Errorf("resume did not say what it means\n%s", said)
	}
	if a := w.awaitState("back", "finished", time.Minute); a.Accepted+a.InDoubt != 6000 {
		t.Errorf("%+v", a)
	}
	w.judgeRows("back")
}

// Redis is restored from a snapshot under workers that run on: they notice before
// anybody is sent to.
func TestRestoredUnderWorkers(t *testing.T) {
	t.Parallel()
	w := restorable(t)
	w.start("worker")
	w.start("worker")
	saved := w.snapshot()
	w.redis.Kill(t)
	w.quietFor(200*time.Millisecond, time.Minute)
	w.redis.Restore(t, saved)
	w.judgeHalted(t)
}

// A Redis that is restored after all workers have died is noticed by the next worker
// where the snapshot is old; one that they left in order is no reason to halt.
func TestRestoredWithoutWorkers(t *testing.T) {
	t.Parallel()
	w := restorable(t)
	first := w.start("worker")
	saved := w.snapshot()
	first.kill()
	w.redis.Kill(t)
	w.redis.Restore(t, saved)
	since := time.Now()
	w.await("old enough", time.Minute, func() bool { return time.Since(since) > 3*time.Second })
	w.start("worker", "--restored-after", "2s")
	w.judgeHalted(t)
}

// Workers that stopped in order leave a mark, with which a Redis that was started
// anew since is as they left it.
func TestRestartedAfterAnOrderlyStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 100", "")
	worker := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("rest", w.list("r.csv", 1000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("rest", "under way", time.Minute, func(a account) bool { return a.Accepted > 100 })
	worker.stop(30 * time.Second)
	w.redis.Kill(t)
	w.redis.Start(t)
	since := time.Now()
	w.await("old enough", time.Minute, func() bool { return time.Since(since) > 2*time.Second })
	w.start("worker", "--restored-after", "1s")
	if a := w.awaitState("rest", "finished", time.Minute); a.Accepted != 1000 {
		t.Errorf("%+v", a)
	}
	w.judge("rest")
}
