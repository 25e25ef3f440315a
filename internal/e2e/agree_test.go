package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
)

// The queue's web UI says what status says: the queue of a campaign that is paused or
// halted is paused, a cancelled one's has no tasks that wait, and a batch with
// rejections has them in its result. The two do not fight over who pauses whom.
func TestQueueAgreesWithItsCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 300", "")
	w.start("worker")
	w.start("worker")
	inspector := w.inspector()
	info := func(id string) *asynq.QueueInfo {
		t.Helper()
		i, err := inspector.GetQueueInfo(queueOf(id))
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	run := func(args ...string) {
		t.Helper()
		if out, code := w.run("producer", args...); code != 0 {
			t.Fatalf("%v: exit code %d, %s\n%s", args, code, out, w.logs.tail(2000))
		}
	}
	w.post("/_sandbox/faults", `faults: [{suffix: "7", code: "22091"}]`)
	run("send", w.nxCampaign("sale", w.list("list.csv", 3000), ""))
	w.awaitAccount("sale", "under way", time.Minute, func(a account) bool { return a.Accepted > 50 })
	for range 5 {
		run("pause", "sale")
		if !info("sale").Paused {
			t.Error("paused, and its queue is not")
		}
		run("resume", "sale")
		if info("sale").Paused {
			t.Error("resumed, and its queue is paused")
		}
	}
	before := w.status("sale").Accepted
	w.awaitAccount("sale", "going on", time.Minute, func(a account) bool { return a.Accepted > before+600 && a.State == "running" })

	w.post("/_sandbox/faults", `faults: [{suffix: "7", code: "22091"}, {suffix: "3", code: "22125", count: 1}]`)
	w.awaitState("sale", "halted", time.Minute)
	w.await("the queue of the halted campaign", 20*time.Second, func() bool { return info("sale").Paused })
	run("resume", "sale")
	w.awaitState("sale", "finished", time.Minute)
	tasks, err := inspector.ListCompletedTasks(queueOf("sale"), asynq.PageSize(100))
	if err != nil || len(tasks) < 3 || info("sale").Paused {
		t.Fatal(len(tasks), err)
	}
	for _, task := range tasks {
		if want := "codes 22091 \u00d7"; !strings.Contains(string(task.Result), want) || !strings.Contains(string(task.Result), "rejected ") {
			t.Errorf("%s has the result %q, and not how many were rejected", task.ID, task.Result)
		}
	}

	run("send", w.nxCampaign("long", w.listFrom("long.csv", 5000, 9000), "rate: {messages_per_second: 1}"))
	w.awaitAccount("long", "under way", time.Minute, func(a account) bool { return a.Accepted > 0 })
	if i := info("long"); i.Pending+i.Active+i.Scheduled+i.Retry < 9 {
		t.Fatalf("%+v", i)
	}
	run("cancel", "long")
	if i := info("long"); i.Pending+i.Scheduled+i.Archived > 0 {
		t.Errorf("cancelled: %+v", i)
	}
	w.await("no task of the cancelled campaign", 30*time.Second, func() bool {
		i := info("long")
		return !i.Paused && i.Pending+i.Active+i.Scheduled+i.Retry+i.Archived == 0
	})
	if a := w.status("long"); a.State != "cancelled" || a.Pending > 0 || a.InDoubt > 0 {
		t.Errorf("%+v", a)
	}
}
