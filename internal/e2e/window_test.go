package e2e

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// minuteAhead is the first whole minute that is at least so far ahead: a window
// opens and closes with the minute.
func minuteAhead(least time.Duration) time.Time {
	return time.Now().UTC().Add(least).Truncate(time.Minute).Add(time.Minute)
}

// hours are a window's lines in a campaign file, from and to being hours of a
// place that is so far from UTC.
func hours(from, to time.Time, east time.Duration, zone string) string {
	return fmt.Sprintf("window: {from: %q, to: %q, timezone: %s}", from.Add(east).Format("15:04"), to.Add(east).Format("15:04"), zone)
}

// arrived is when a submission arrived, at the latest: the sandbox counts from its
// start, and up is when it had started.
func arrived(up time.Time, us int64) time.Time { return up.Add(time.Duration(us) * time.Microsecond) }

// innoNames is innoCampaign with a text for each recipient, so that each is a
// submission of its own.
func (w *world) innoNames(id, csvFile, more string) string {
	w.t.Helper()
	file := w.innoCampaign(id, csvFile, more)
	return w.file(id+".yaml", strings.Replace(readFile(w.t, file), "plain_news,", `order_update, body: ["{{name}}"],`, 1))
}

// Where the window is in each recipient's own time, those for whom it is open are
// sent to, the others when theirs opens, and nobody outside it.
func TestWindowOfEachRecipient(t *testing.T) {
	t.Parallel()
	const n = 20
	w := newWorld(t)
	up := time.Now()
	w.start("worker")
	var list strings.Builder
	list.WriteString("phone,name\n")
	for i := range n { // in Brazil it is two hours later than in Colombia, in Japan 14
		fmt.Fprintf(&list, "%s,b\n57300%07d,c\n8190%08d,j\n", phone(i), 1234567+i, 12345678+i)
	}
	w.file("own.csv", list.String())
	opens := minuteAhead(15 * time.Second) // in Colombia
	window := hours(opens, opens.Add(4*time.Hour), -5*time.Hour, "recipient")
	if _, code := w.run("producer", "send", w.nxCampaign("own", "own.csv", window)); code != 0 {
		t.Fatalf("send failed\n%s", w.logs.tail(2000))
	}
	w.awaitAccount("own", "sent to Brazil", time.Minute, func(a account) bool { return a.Accepted >= n })
	w.awaitAccount("own", "sent to Colombia", time.Until(opens)+time.Minute, func(a account) bool { return a.Accepted >= 2*n })
	w.quietFor(2*time.Second, time.Minute)
	if a := w.status("own"); a.State != "running" || a.Pending != n || a.Accepted != 2*n || !a.GoesOnAt.IsZero() {
		t.Errorf("%+v", a)
	}
	for _, e := range w.log() {
		switch early := arrived(up, e.AtUS).Before(opens); {
		case strings.HasPrefix(e.Phone, "81"):
			t.Fatal("submitted to Japan, outside the window")
		case strings.HasPrefix(e.Phone, "57") && early:
			t.Fatal("submitted to Colombia before the window opened")
		case strings.HasPrefix(e.Phone, "55") && !early:
			t.Fatal("Brazil, where the window is open, waited for Colombia")
		}
	}
	said := fmt.Sprintf("each recipient's own time: %s to %s\n", opens.Add(-5*time.Hour).Format("15:04"), opens.Add(-time.Hour).Format("15:04"))
	if out, _ := w.run("producer", "status", "own"); !strings.Contains(out, said) {
		t.Errorf("want %q in\n%s", said, out)
	}
	w.judge("own")
}

// A window that closes in the middle of a run ends the submissions, the
// campaign's own or each recipient's, and when it opens again the rest is sent.
func TestWindowClosesDuringTheRun(t *testing.T) {
	t.Parallel()
	const rows = 2000
	w := newWorld(t)
	up := time.Now()
	w.writeSenders("", ", messages_per_second: 40")
	workers := []*process{w.start("worker"), w.start("worker")}
	w.list("day.csv", rows)
	var list strings.Builder
	list.WriteString("phone,name\n")
	for i := range rows {
		fmt.Fprintf(&list, "8190%08d,name%d\n", 12345678+i, i)
	}
	w.file("own.csv", list.String())
	closes := minuteAhead(10 * time.Second)
	from := closes.Add(-2 * time.Hour)
	for id, window := range map[string]string{"day": hours(from, closes, 0, "UTC"), "own": hours(from, closes, 9*time.Hour, "recipient")} {
		if _, code := w.run("producer", "send", w.innoNames(id, id+".csv", window)); code != 0 {
			t.Fatalf("send failed\n%s", w.logs.tail(2000))
		}
	}
	for _, id := range []string{"day", "own"} {
		w.awaitAccount(id, "under way", time.Minute, func(a account) bool { return a.Accepted > 0 })
	}
	w.quietFor(2*time.Second, time.Until(closes)+10*time.Second)
	if time.Now().Before(closes) {
		t.Fatal("nothing was sent while the window was open")
	}
	late := map[string]time.Duration{}
	for _, e := range w.log() {
		late[e.Phone[:2]] = arrived(up, e.AtUS).Sub(closes)
	}
	t.Logf("the last submission of day came %s after the window had closed, that of own %s", late["55"], late["81"])
	if max(late["55"], late["81"]) > 2*time.Second {
		t.Error("submitted after the window had closed")
	}
	for id, next := range map[string]time.Time{"day": from.Add(24 * time.Hour), "own": {}} {
		if a := w.status(id); a.State != "running" || a.Accepted == 0 || a.Pending == 0 || a.Accepted+a.Pending != rows || !a.GoesOnAt.Equal(next) {
			t.Errorf("%+v", a)
		}
	}
	w.judge("day", "own")

	for _, p := range workers {
		p.stop(time.Minute)
	}
	w.writeSenders("", "")
	// The queue has a clock of its own, and would wait until tomorrow.
	if _, err := w.inspector().RunAllRetryTasks(queueOf("own")); err != nil {
		t.Fatal(err)
	}
	ahead := time.Until(from.Add(24 * time.Hour))
	w.workInside("tomorrow", func() time.Time { return time.Now().Add(ahead) }, time.Minute)
	for _, id := range []string{"day", "own"} {
		if a := w.awaitState(id, "finished", time.Minute); a.Accepted != rows {
			t.Errorf("%+v", a)
		}
	}
	w.judge("day", "own")
}

// Who waits for a slot when their window closes is not sent to in it.
func TestWindowClosesBeforeTheSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders("", ", messages_per_second: 0.5")
	w.file("own.csv", "phone\n819012345678\n819012345679\n819012345680\n819012345681\n")
	now := time.Now().UTC()
	if _, code := w.run("producer", "send", w.innoCampaign("own", "own.csv", hours(now.Add(-time.Hour), now.Add(time.Hour), 9*time.Hour, "recipient"))); code != 0 {
		t.Fatalf("send failed\n%s", w.logs.tail(2000))
	}
	var ahead atomic.Int64
	w.workInside("jumps", func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, time.Minute)
	seen := w.awaitReport("the second submission", time.Minute, func(r report) bool { return r.Requests == 2 })
	ahead.Store(int64(2 * time.Hour))
	w.quietFor(3*time.Second, time.Minute)
	if n := w.report().Requests; n != seen.Requests {
		t.Errorf("%d submissions after the window had closed", n-seen.Requests)
	}
	if a := w.status("own"); a.State != "running" || a.Accepted != 2 || a.Pending != 2 {
		t.Errorf("%+v", a)
	}
	w.judge("own")
}
