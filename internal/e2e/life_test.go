package e2e

import (
	"strings"
	"testing"
	"time"
)

// A worker is killed and the campaign cancelled before anybody has noticed: whoever
// the provider took is in doubt, at once and for ever, and nobody of them cancelled.
func TestCancelAfterAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "150ms")
	doomed := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("cut", w.list("c.csv", 8000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("cut", "under way", time.Minute, func(a account) bool { return a.Accepted > 300 })
	doomed.kill()
	if _, code := w.run("producer", "cancel", "cut"); code != 0 {
		t.Fatal("cancel failed")
	}
	w.judge("cut")
	before := w.status("cut")
	if before.InDoubt == 0 || before.Pending != 0 || before.Cancelled == 0 {
		t.Errorf("after the cancel: %+v", before)
	}
	w.start("worker", "--linger", "1ms", "--keep", "3s")
	w.await("expired", 40*time.Second, func() bool { return w.rdb.Exists(t.Context(), "sluice:{cut}:batches").Val() == 0 })
	if after := w.status("cut"); after.InDoubt != before.InDoubt || after.Accepted != before.Accepted || after.Cancelled != before.Cancelled {
		t.Errorf("its account was %+v, and after its rows have expired it is %+v", before, after)
	}
}

// What a killed worker left in doubt is sent again where a person says so, though
// the queue still takes the dead worker's task for running.
func TestResolveAfterAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "100ms")
	doomed := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("again", w.list("a.csv", 2000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("again", "under way", time.Minute, func(a account) bool { return a.Accepted > 200 })
	doomed.kill()
	w.start("worker")
	a := w.awaitState("again", "finished", time.Minute)
	if a.InDoubt == 0 || len(w.active("again")) == 0 {
		t.Fatalf("nobody is in doubt, or the queue has noticed: %+v", a)
	}
	if out, code := w.run("producer", "resolve", "again", "--in-doubt", "resend"); code != 0 {
		t.Fatalf("resolve: %d %s", code, out)
	}
	w.awaitAccount("again", "sent", time.Minute, func(a account) bool { return a.State == "finished" && a.Accepted == 2000 })
	w.judgeRows("again")
}

// A queue that is not there any more keeps no campaign from being retired; and to
// retire it again does not give its rows more time.
func TestRowsExpireWithoutTheirQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("bare", w.list("b.csv", 100), ""), "--wait"); code != 0 {
		t.Fatal("send failed")
	}
	first.stop(time.Minute)
	if err := w.inspector().DeleteQueue(queueOf("bare"), true); err != nil {
		t.Fatal(err)
	}
	w.start("worker", "--linger", "1ms", "--keep", "1h")
	w.await("retired", time.Minute, func() bool { return len(w.rdb.SMembers(t.Context(), "sluice:active").Val()) == 0 })
	if left := w.rdb.TTL(t.Context(), "sluice:{bare}:batches").Val(); left <= 0 || left > time.Hour {
		t.Errorf("its rows expire in %s", left)
	}
	if strings.Contains(w.logs.String(), "Redis does not answer") {
		t.Errorf("a campaign without a queue is taken for a Redis that is away\n%s", w.logs.tail(1000))
	}
	// As when the worker had died before it was through.
	w.rdb.Expire(t.Context(), "sluice:{bare}:batches", 30*time.Minute)
	w.rdb.SAdd(t.Context(), "sluice:active", "bare")
	w.await("retired again", time.Minute, func() bool { return len(w.rdb.SMembers(t.Context(), "sluice:active").Val()) == 0 })
	if left := w.rdb.TTL(t.Context(), "sluice:{bare}:batches").Val(); left > 30*time.Minute {
		t.Errorf("the time was set anew: %s", left)
	}
	w.judge("bare")
}

// The rows of a campaign that goes on after it was retired expire no more, also
// where it is paused at once.
func TestRowsOfAReopenedCampaignStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{suffix: "5", times: 1, status: 500, body: "<html>"}]`)
	first := w.start("worker", "--linger", "1ms", "--keep", "1h")
	if _, code := w.run("producer", "send", w.nxCampaign("back", w.list("b.csv", 100), ""), "--wait"); code != 3 {
		t.Fatal("send failed")
	}
	w.await("retired", time.Minute, func() bool { return len(w.rdb.SMembers(t.Context(), "sluice:active").Val()) == 0 })
	first.stop(time.Minute)
	if out, code := w.run("producer", "resolve", "back", "--in-doubt", "resend"); code != 0 {
		t.Fatalf("resolve: %d %s", code, out)
	}
	if out, code := w.run("producer", "pause", "back"); code != 0 {
		t.Fatalf("pause: %d %s", code, out)
	}
	for _, key := range w.rdb.Keys(t.Context(), "sluice:{back}*").Val() {
		// What happened to it is kept for a month from the last on.
		if left := w.rdb.TTL(t.Context(), key).Val(); left >= 0 && key != "sluice:{back}:events" {
			t.Errorf("%s expires in %s", key, left)
		}
	}
	// Whoever resolved it may have died in between: a worker sees to it.
	w.rdb.HSet(t.Context(), "sluice:{back}", "expiring", 1)
	w.rdb.Expire(t.Context(), "sluice:{back}:batches", time.Hour)
	w.start("worker")
	w.await("kept", time.Minute, func() bool { return w.rdb.TTL(t.Context(), "sluice:{back}:batches").Val() < 0 })
	w.run("producer", "resume", "back")
	if a := w.awaitState("back", "finished", time.Minute); a.Accepted != 100 {
		t.Errorf("%+v", a)
	}
	w.judge("back")
}

// Somebody pauses a queue in the web UI: the campaign pauses, says so, and `resume`
// ends both.
func TestQueuePausedInTheWebUI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 100", "")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("stopped", w.list("s.csv", 3000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("stopped", "under way", time.Minute, func(a account) bool { return a.Accepted > 50 })
	inspector := w.inspector()
	if err := inspector.PauseQueue(queueOf("stopped")); err != nil {
		t.Fatal(err)
	}
	a := w.awaitState("stopped", "paused", time.Minute)
	if !strings.Contains(a.Reason, "queue_paused") || !strings.Contains(a.Reason, "producer resume stopped") {
		t.Errorf("%+v", a)
	}
	w.quietFor(time.Second, time.Minute)
	w.writeSenders("", "")
	if _, code := w.run("producer", "resume", "stopped"); code != 0 {
		t.Fatal("resume failed")
	}
	a = w.awaitAccount("stopped", "going on", time.Minute, func(now account) bool { return now.Accepted > a.Accepted+100 })
	if a.Reason != "" {
		t.Errorf("it goes on, and says %q", a.Reason)
	}
	if info, err := inspector.GetQueueInfo(queueOf("stopped")); err != nil || info.Paused {
		t.Errorf("%+v, %v", info, err)
	}
	// The queue of a campaign that is paused already is too.
	w.run("producer", "pause", "stopped")
	if err := inspector.PauseQueue(queueOf("stopped")); err == nil {
		t.Error("the campaign was paused, and its queue was not")
	}
	if _, code := w.run("producer", "resume", "stopped"); code != 0 {
		t.Fatal("resume failed")
	}
	w.awaitAccount("stopped", "going on", time.Minute, func(now account) bool { return now.Accepted > a.Accepted+100 })
	w.run("producer", "cancel", "stopped")
}
