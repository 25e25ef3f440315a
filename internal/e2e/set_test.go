package e2e

import (
	"strings"
	"testing"
	"time"
)

// takenIn counts what the sandbox takes in a stretch of time.
func (w *world) takenIn(d time.Duration) int {
	w.t.Helper()
	before := w.report().Taken
	wait := time.NewTimer(d)
	defer wait.Stop()
	<-wait.C
	return w.report().Taken - before
}

// goesAt waits until the sandbox takes nearly as many in two seconds as a rate says, and
// never takes more. It may take some looks on a machine that is busy.
func (w *world) goesAt(rate int) {
	w.t.Helper()
	const long = 2 * time.Second
	for deadline := time.Now().Add(time.Minute); ; {
		began := time.Now()
		n := w.takenIn(long)
		due := float64(rate) * max(time.Since(began), long).Seconds()
		if float64(n) > 1.1*due {
			w.t.Fatalf("%d messages where %.0f are due at %d a second", n, due, rate)
		}
		if float64(n) >= 0.83*due {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d messages where %.0f are due at %d a second, after a minute", n, due, rate)
		}
	}
}

// What is set holds on all workers within a second, whatever they are waiting for.
func TestSetHoldsWithinASecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	w.start("worker")
	file := w.nxCampaign("sale", w.list("list.csv", 30_000), "rate: {messages_per_second: 2}")
	if _, code := w.run("producer", "send", file); code != 0 {
		t.Fatalf("send failed\n%s", w.logs.tail(2000))
	}
	w.awaitAccount("sale", "sent to somebody", time.Minute, func(a account) bool { return a.Accepted > 0 })
	if n := w.takenIn(2 * time.Second); n > 6 {
		t.Errorf("%d messages in 2 s at 2 a second", n)
	}
	out, code := w.run("producer", "set", "sale", "--rate", "300")
	if code != 0 || !strings.Contains(out, "2 messages a second") || !strings.Contains(out, "300 messages a second") {
		t.Fatalf("set: exit code %d, %q\n%s", code, out, w.logs.tail(2000))
	}
	w.takenIn(time.Second) // in which it comes to hold
	w.goesAt(300)
	if _, code := w.run("producer", "set", "sale", "--rate", "0.1"); code != 0 {
		t.Fatal("set failed")
	}
	w.takenIn(time.Second)
	if n := w.takenIn(2 * time.Second); n > 1 {
		t.Errorf("%d messages in 2 s at one in ten seconds", n)
	}
	// Each worker waits for a slot that is seconds away.
	if _, code := w.run("producer", "set", "sale", "--rate", "200"); code != 0 {
		t.Fatal("set failed")
	}
	w.takenIn(time.Second)
	w.goesAt(200)
	shut := time.Now().UTC().Add(12 * time.Hour)
	window := shut.Format("15:04") + "-" + shut.Add(time.Hour).Format("15:04") + " UTC"
	if _, code := w.run("producer", "set", "sale", "--window", window); code != 0 {
		t.Fatal("set failed")
	}
	w.takenIn(time.Second)
	if n := w.takenIn(time.Second); n > 0 {
		t.Errorf("%d messages outside the window", n)
	}
	// Those of one's own zone wait in the queue for hours.
	own := strings.Replace(window, "UTC", "recipient", 1)
	for _, window := range []string{own, "none"} {
		if _, code := w.run("producer", "set", "sale", "--window", window); code != 0 {
			t.Fatal("set failed")
		}
		w.takenIn(3 * time.Second / 2)
	}
	w.goesAt(200) // the window being gone
	if _, code := w.run("producer", "set", "sale", "--rate", "0", "--max-attempts", "2", "--priority", "high"); code != 0 {
		t.Fatal("set failed")
	}
	w.awaitState("sale", "finished", 3*time.Minute)
	w.judge("sale")
	if _, code := w.run("producer", "set", "sale", "--rate", "5"); code != 1 {
		t.Errorf("of a finished campaign: exit code %d", code)
	}
	if out, code := w.run("producer", "send", file); code != 0 || strings.Contains(out, "is launched") {
		t.Errorf("as it was given: exit code %d, %s", code, out)
	}
	w.nxCampaign("sale", "list.csv", "rate: {messages_per_second: 300}")
	if out, code := w.run("producer", "send", file); code != 2 || out != "" {
		t.Errorf("as it was set meanwhile: exit code %d, %s", code, out)
	}
}

// A start that was set holds: earlier, and later.
func TestSetStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	w.list("list.csv", 3)
	if out, code := w.run("producer", "send", w.nxCampaign("early", "list.csv", "start_at: 2099-01-01T00:00:00Z")); code != 0 || !strings.Contains(out, "begins at 20") {
		t.Fatalf("send: exit code %d, %s", code, out)
	}
	if _, code := w.run("producer", "set", "early", "--start-at", "now"); code != 0 {
		t.Fatal("set failed")
	}
	w.awaitState("early", "finished", time.Minute)
	at := time.Now().Add(4 * time.Second)
	if _, code := w.run("producer", "send", w.nxCampaign("late", "list.csv", "start_at: "+at.Format(time.RFC3339Nano))); code != 0 {
		t.Fatal("send failed")
	}
	if _, code := w.run("producer", "set", "late", "--start-at", at.Add(4*time.Second).Format(time.RFC3339)); code != 0 {
		t.Fatal("set failed")
	}
	w.awaitState("late", "finished", time.Minute)
	if early := time.Until(at.Add(4 * time.Second).Truncate(time.Second)); early > 0 {
		t.Errorf("finished %s before the start that was set", early)
	}
}
