package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// queueOf is the name of a campaign's queue.
func queueOf(id string) string { return "sluice:" + id }

func (w *world) inspector() *asynq.Inspector {
	w.t.Helper()
	i := asynq.NewInspector(asynq.RedisClientOpt{Addr: w.redis.Addr})
	w.t.Cleanup(func() { i.Close() })
	return i
}

// active are the tasks that the queue believes to be at work.
func (w *world) active(id string) []string {
	w.t.Helper()
	return w.redis.Client(w.t).LRange(w.t.Context(), "asynq:{"+queueOf(id)+"}:active", 0, -1).Val()
}

// await waits until ok holds.
func (w *world) await(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not %s after %s\n%s", what, within, w.logs.tail(4000))
		}
		<-tick.C
	}
}

// runsLate has the queue run a task again whose batch is done, as it does a
// minute or two after its worker was last heard of, and waits for that run's end.
// The lease is taken away, and a worker that starts looks for such at once.
func (w *world) runsLate(id, task string) {
	w.t.Helper()
	if !w.redis.Client(w.t).SIsMember(w.t.Context(), "sluice:{"+id+"}:done", fmt.Sprint(batchOf(w.t, task))).Val() {
		w.t.Fatalf("the batch of %s is not done", task)
	}
	rdb := w.redis.Client(w.t)
	if err := rdb.ZAddXX(w.t.Context(), "asynq:{"+queueOf(id)+"}:lease", redis.Z{Score: 1, Member: task}).Err(); err != nil {
		w.t.Fatal(err)
	}
	w.start("worker")
	inspector := w.inspector()
	w.await("run again", 150*time.Second, func() bool {
		info, err := inspector.GetTaskInfo(queueOf(id), task)
		return err == nil && info.State == asynq.TaskStateCompleted && info.Retried == 1
	})
}

func batchOf(t testing.TB, task string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(task, "batch-%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The acknowledgement of a batch that is done is lost, because Redis cannot be
// had when the handler ends: the queue runs it again, and it finds nothing to do.
func TestQueueLosesTheAcknowledgement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 500", "")
	p := newProxy(t, w.redis.Addr)
	p.attacks(func(c command) fate {
		if c.step() == "acknowledgement" || strings.EqualFold(string(c[0]), "zadd") && strings.HasSuffix(string(c[1]), ":lease") {
			return lostCommand
		}
		return passes
	})
	w.startVia(p, "worker")
	if _, code := w.run("producer", "send", w.nxCampaign("acked", w.list("a.csv", 9000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("acked", "done with a batch", time.Minute, func(a account) bool { return a.BatchesDone >= 1 })
	done := w.redis.Client(t).SMembers(t.Context(), "sluice:{acked}:done").Val()
	active := slices.DeleteFunc(w.active("acked"), func(task string) bool { return !slices.Contains(done, fmt.Sprint(batchOf(t, task))) })
	if len(active) == 0 {
		t.Fatalf("none of the batches that are done, %v, is at work", done)
	}
	w.runsLate("acked", active[0])
	if a := w.awaitState("acked", "finished", time.Minute); a.Accepted != 9000 {
		t.Errorf("%+v", a)
	}
	w.judge("acked")
}

// A worker is killed: its batch goes on long before the queue would notice, and
// what the queue runs late finds nothing to do.
func TestQueueNoticesAKillLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 300", "")
	doomed := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("late", w.list("l.csv", 10_000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("late", "under way", time.Minute, func(a account) bool { return a.Accepted > 700 })
	active, owned := w.active("late"), w.ownedBy(doomed)
	if len(active) == 0 || len(owned) == 0 {
		t.Fatalf("tasks at work: %v; batches owned: %v", active, owned)
	}
	task := active[len(active)-1] // the oldest
	doomed.kill()
	died := time.Now()
	w.start("worker")
	field := fmt.Sprint(batchOf(t, task))
	rdb := w.redis.Client(t)
	w.await("taken over and done", time.Minute, func() bool {
		return rdb.SIsMember(t.Context(), "sluice:{late}:done", field).Val()
	})
	t.Logf("the batch was done %s after the kill", time.Since(died).Round(100*time.Millisecond))
	if now := w.active("late"); !slices.Contains(now, task) {
		t.Errorf("the queue has noticed already: at work are %v", now)
	}
	w.runsLate("late", task)
	a := w.awaitState("late", "finished", time.Minute)
	if a.Accepted+a.InDoubt != 10_000 || a.InDoubt > 64+16 {
		t.Errorf("%+v", a)
	}
	w.judge("late")
}

// The time for a stop passes while a handler is at it: the queue gives its task
// to the next worker, which is at the batch while the first still submits. The
// first may begin nothing more, and what it has in flight is recorded.
func TestQueueStopsWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "1s")
	w.writeSenders(", messages_per_second: 200", "")
	w.file("senders.yaml", strings.ReplaceAll(readFile(t, w.dir+"/senders.yaml"), "in_flight: 64", "in_flight: 500"))
	stop := w.workInside("hasty", time.Now, time.Millisecond)
	if _, code := w.run("producer", "send", w.nxCampaign("pushed", w.list("p.csv", 1000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("pushed", "under way", time.Minute, func(a account) bool { return a.Accepted > 100 })
	w.start("worker")
	w.awaitAccount("pushed", "under way", time.Minute, func(a account) bool { return a.Accepted > 200 })
	stop()
	if !strings.Contains(w.logs.String(), "Quitting worker. task id=batch-000000") {
		t.Fatalf("the queue waited\n%s", w.logs.tail(2000))
	}
	a := w.awaitState("pushed", "finished", time.Minute)
	if a.Accepted != 1000 {
		t.Errorf("%+v", a)
	}
	w.judge("pushed")
}

// The answer that hands a task out is lost: the queue has it for at work, and
// nobody is. It is enqueued again, long before the queue would notice.
func TestQueueLosesWhatItHandsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.redis.Addr)
	lost := false
	p.attacks(func(c command) fate {
		if lost || c.step() != "dequeue" || !strings.EqualFold(string(c[0]), "eval") {
			return passes
		}
		lost = true // and the first that was no question for the script
		return lostAnswer
	})
	if _, code := w.run("producer", "send", w.nxCampaign("handed", w.list("h.csv", 2000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.startVia(p, "worker")
	if a := w.awaitState("handed", "finished", 40*time.Second); a.Accepted != 2000 {
		t.Errorf("%+v", a)
	}
	w.judge("handed")
}

// Handing a batch back is no failure, however often: the queue, which archives
// what waits on its last try, has no last try for it.
func TestQueueArchivesNothingThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 25", "")
	w.start("worker", "--hand-back", "10ms")
	if _, code := w.run("producer", "send", w.nxCampaign("patient", w.list("p.csv", 16), ""), "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	if runs := strings.Count(w.logs.String(), `"message":"batch run"`); runs < 5 {
		t.Errorf("the batch ran %d times", runs)
	}
	inspector := w.inspector()
	w.await("acknowledged", time.Minute, func() bool {
		info, err := inspector.GetTaskInfo(queueOf("patient"), "batch-000000")
		if err != nil || info.State == asynq.TaskStateArchived || info.Retried != 0 || info.MaxRetry < 1<<30 {
			t.Fatalf("%+v, %v", info, err)
		}
		return info.State == asynq.TaskStateCompleted
	})
	w.judge("patient")
}

// Somebody archives the tasks: they are enqueued again, and the campaign ends.
func TestQueueWhoseTasksWereArchived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, code := w.run("producer", "send", w.nxCampaign("shelved", w.list("s.csv", 3000), "")); code != 0 {
		t.Fatal("send failed")
	}
	inspector := w.inspector()
	for _, task := range []string{"batch-000000", "batch-000002"} {
		if err := inspector.ArchiveTask(queueOf("shelved"), task); err != nil {
			t.Fatal(err)
		}
	}
	w.start("worker")
	if a := w.awaitState("shelved", "finished", time.Minute); a.Accepted != 3000 {
		t.Errorf("%+v", a)
	}
	w.judge("shelved")
}

// The queue's timeout passes while a handler is at it, again and again: the queue
// runs the task beside itself and archives it in the end. Nobody gets two
// messages, and the campaign ends.
func TestQueueTimesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "400ms")
	w.writeSenders(", messages_per_second: 200", "")
	if _, code := w.run("producer", "send", w.nxCampaign("timed", w.list("t.csv", 1500), "")); code != 0 {
		t.Fatal("send failed")
	}
	inspector := w.inspector()
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: w.redis.Addr})
	defer client.Close()
	for n := range 2 {
		task := fmt.Sprintf("batch-%06d", n)
		info, err := inspector.GetTaskInfo(queueOf("timed"), task)
		if err == nil {
			err = inspector.DeleteTask(queueOf("timed"), task)
		}
		if err == nil {
			_, err = client.Enqueue(asynq.NewTask(info.Type, json.RawMessage(info.Payload)), asynq.Queue(queueOf("timed")), asynq.TaskID(task),
				asynq.MaxRetry(2), asynq.Timeout(time.Second))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.start("worker")
	w.start("worker")
	w.await("archived", time.Minute, func() bool {
		archived, err := inspector.ListArchivedTasks(queueOf("timed"))
		return err == nil && len(archived) > 0 && strings.Contains(archived[0].LastErr, "deadline exceeded")
	})
	if a := w.awaitState("timed", "finished", time.Minute); a.Accepted != 1500 {
		t.Errorf("%+v", a)
	}
	w.judge("timed")
}

// A campaign is over, and its queue holds a task for ever whose worker is gone:
// the queue is deleted all the same.
func TestQueueOfTheDeadIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.redis.Addr)
	p.attacks(func(c command) fate {
		if c.step() == "acknowledgement" {
			return lostCommand
		}
		return passes
	})
	doomed := w.startVia(p, "worker")
	if _, code := w.run("producer", "send", w.nxCampaign("dead", w.list("d.csv", 10), ""), "--wait"); code != 0 {
		t.Fatal("send failed")
	}
	doomed.kill()
	if len(w.active("dead")) == 0 {
		t.Fatal("no task is left at work")
	}
	w.start("worker", "--linger", "1s")
	rdb := w.redis.Client(t)
	w.await("deleted", time.Minute, func() bool { return !rdb.SIsMember(t.Context(), "asynq:queues", queueOf("dead")).Val() })
	for _, key := range rdb.Keys(t.Context(), "asynq:{"+queueOf("dead")+"}:*").Val() {
		if !strings.Contains(key, ":processed") && !strings.Contains(key, ":failed") { // its statistics
			t.Errorf("left over: %s", key)
		}
	}
	w.judge("dead")
}

// A worker died that had brought somebody back into a finished campaign, before it
// could say so: before the campaign is retired, it goes on.
func TestFinishedWithSomebodyLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 200", "")
	first := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("left", w.list("l.csv", 1500), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("left", "under way", time.Minute, func(a account) bool { return a.Accepted > 100 })
	w.run("producer", "pause", "left")
	first.stop(time.Minute)
	if err := w.rdb.HSet(t.Context(), "sluice:{left}", "state", "finished").Err(); err != nil {
		t.Fatal(err)
	}
	w.writeSenders("", "")
	w.start("worker", "--linger", "1s")
	w.awaitAccount("left", "sent", time.Minute, func(a account) bool { return a.Accepted == 1500 && a.State == "finished" })
	w.judge("left")
}
