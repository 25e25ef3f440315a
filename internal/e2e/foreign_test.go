package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
)

// foreignTasks has another application enqueue tasks, to be run now and later, and
// returns the function that says whether all are as they were.
func (w *world) foreignTasks(queue string, now, later int) (untouched func() bool) {
	w.t.Helper()
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: w.redis.Addr})
	w.t.Cleanup(func() { client.Close() })
	for i := range now + later {
		options := []asynq.Option{asynq.Queue(queue)}
		if i >= now {
			options = append(options, asynq.ProcessIn(time.Hour))
		}
		if _, err := client.Enqueue(asynq.NewTask("mail", fmt.Append(nil, "letter ", i)), options...); err != nil {
			w.t.Fatal(err)
		}
	}
	return func() bool {
		info, err := w.inspector().GetQueueInfo(queue)
		return err == nil && info.Pending == now && info.Scheduled == later && info.Size == now+later
	}
}

// Another application has a queue of the name of a campaign, in the same Redis: it
// is never touched, in the campaign's whole life.
func TestOtherApplicationsQueuesAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	untouched := w.foreignTasks("default", 10, 10)
	w.start("worker", "--linger", "1ms", "--keep", "1h")
	if _, code := w.run("producer", "send", w.nxCampaign("default", w.list("d.csv", 1500), ""), "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(2000))
	}
	w.await("retired", time.Minute, func() bool {
		return len(w.rdb.SMembers(t.Context(), "sluice:active").Val()) == 0 && !w.rdb.SIsMember(t.Context(), "asynq:queues", queueOf("default")).Val()
	})
	if !untouched() {
		t.Error("the other application's tasks are not as they were")
	}
	if left := w.rdb.Keys(t.Context(), "asynq:{"+queueOf("default")+"}*").Val(); slices.ContainsFunc(left, func(key string) bool { return w.rdb.TTL(t.Context(), key).Val() < 0 }) {
		t.Errorf("left for ever: %v", left)
	}
	w.judge("default")
}

// A campaign whose own queue holds a task of another application is halted with
// that reason; the task is run by nobody and deleted by nobody, not even with the
// queue.
func TestQueueThatHoldsAForeignTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.foreignTasks(queueOf("before"), 1, 1)
	if _, code := w.run("producer", "send", w.nxCampaign("before", w.list("b.csv", 1500), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.start("worker", "--linger", "1ms", "--keep", "1h")
	a := w.awaitState("before", "halted", time.Minute)
	if !strings.Contains(a.Reason, "foreign_tasks") || !strings.Contains(a.Reason, "producer resume before") || a.Accepted != 0 {
		t.Errorf("%+v", a)
	}
	if pending := w.rdb.LLen(t.Context(), "asynq:{"+queueOf("before")+"}:pending").Val(); pending != 3 {
		t.Errorf("%d tasks are pending", pending)
	}
	w.run("producer", "cancel", "before")
	w.await("retired", time.Minute, func() bool { return len(w.rdb.SMembers(t.Context(), "sluice:active").Val()) == 0 })
	if !before() {
		t.Error("the other application's tasks are not as they were")
	}
	// One that turns up in the middle halts it too, and is there when somebody looks.
	w.writeSenders(", messages_per_second: 50", "")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("amid", w.listFrom("a.csv", 2000, 3000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("amid", "under way", time.Minute, func(a account) bool { return a.Accepted > 20 })
	w.foreignTasks(queueOf("amid"), 1, 0)
	w.awaitState("amid", "halted", time.Minute)
	w.await("still there", time.Minute, func() bool {
		inspector := w.inspector()
		pending, err := inspector.ListPendingTasks(queueOf("amid"))
		retry, err2 := inspector.ListRetryTasks(queueOf("amid"))
		return err == nil && err2 == nil && slices.ContainsFunc(append(pending, retry...), func(i *asynq.TaskInfo) bool { return i.Type == "mail" })
	})
	w.judge("before", "amid")
}

// All programs on one Redis give the queues the same prefix, or are refused.
func TestQueuePrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("named", w.list("n.csv", 100), "")
	if _, code := w.run("producer", "send", file, "--queue-prefix", "x{"); code != 2 {
		t.Errorf("no prefix at all: exit code %d", code)
	}
	if _, code := w.run("producer", "send", file, "--queue-prefix", "bulk-"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(2000))
	}
	if pending := w.rdb.LLen(t.Context(), "asynq:{bulk-named}:pending").Val(); pending != 1 {
		t.Errorf("%d tasks are pending", pending)
	}
	for _, args := range [][]string{{"producer", "status", "named"}, {"worker"}} {
		if _, code := w.run(args[0], args[1:]...); code != 2 || !strings.Contains(w.logs.tail(500), "--queue-prefix") {
			t.Errorf("%v: exit code %d\n%s", args, code, w.logs.tail(500))
		}
	}
	w.env = append(w.env, "SLUICE_QUEUE_PREFIX=bulk-")
	w.start("worker")
	if a := w.awaitState("named", "finished", time.Minute); a.Accepted != 100 {
		t.Errorf("%+v", a)
	}
}
