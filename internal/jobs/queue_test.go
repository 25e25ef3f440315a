package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
)

// later is an error that has a batch run again.
type later struct{ time.Duration }

func (later) Error() string          { return "not yet" }
func (l later) Delay() time.Duration { return l.Duration }

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func backlog(t *testing.T, q *Queue, id string) Backlog {
	t.Helper()
	b, err := q.Backlogs(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return b[id]
}

func serve(t *testing.T, q *Queue, id string, h Handler) {
	t.Helper()
	s, err := q.Serve(id, ServeOptions{Batches: 2, StopWithin: 5 * time.Second, Log: zerolog.Nop(), Foreign: func() {}}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
}

// A batch is enqueued once, however often; one that ran is enqueued anew under
// another name, and the workers hear of both.
func TestEnqueue(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	q := NewQueue(rdb, "")
	heard := rdb.Subscribe(t.Context(), keys.Changes())
	defer heard.Close()
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := q.EnqueueAll(t.Context(), "c", []int{3, 0, 2}); err != nil {
			t.Fatal(err)
		}
		if m, err := heard.ReceiveMessage(t.Context()); err != nil || m.Payload != "c" {
			t.Fatalf("%v, %v", m, err)
		}
	}
	if b := backlog(t, q, "c"); b.Pending != 2 || b.Active != 0 || len(b.Later) != 0 {
		t.Errorf("%+v", b)
	}
	for n := range 3 {
		if err := q.EnqueueAnew(t.Context(), Reference{Campaign: "c", Batch: 0, Recipients: 3}, 1); err != nil {
			t.Fatal(err)
		}
		if b := backlog(t, q, "c"); b.Pending != 3+n {
			t.Errorf("%+v", b)
		}
	}
	if b := backlog(t, q, "another"); b.Pending+b.Active+len(b.Later) > 0 {
		t.Error("another campaign has tasks")
	}
	if waiting, err := q.Waiting(t.Context(), "c"); err != nil || !waiting[0] || waiting[1] || !waiting[2] {
		t.Errorf("%v, %v", waiting, err)
	}
}

// What a handler returns says when its batch runs again: never, after a time, or
// soon. What it tells is shown.
func TestServe(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	q := NewQueue(rdb, "")
	if err := q.EnqueueAll(t.Context(), "c", []int{1, 1, 1}); err != nil {
		t.Fatal(err)
	}
	var runs [3]atomic.Int64
	serve(t, q, "c", func(_ context.Context, ref Reference) (string, error) {
		n := runs[ref.Batch].Add(1)
		switch {
		case ref.Batch == 1 && n == 1:
			return "partly", later{time.Hour}
		case ref.Batch == 2 && n == 1:
			return "", errors.New("broken")
		}
		return fmt.Sprintf("run %d", n), nil
	})
	await(t, "run again", func() bool { return runs[2].Load() == 2 })
	await(t, "told to wait", func() bool { return len(backlog(t, q, "c").Later) == 1 })
	if at := backlog(t, q, "c").Later[0]; time.Until(at) < 50*time.Minute || runs[1].Load() != 1 {
		t.Errorf("again at %s, run %d times", at, runs[1].Load())
	}
	inspector := asynq.NewInspectorFromRedisClient(rdb)
	await(t, "completed", func() bool {
		info, err := inspector.GetTaskInfo(q.Name("c"), "batch-000000")
		return err == nil && info.State == asynq.TaskStateCompleted && string(info.Result) == "run 1"
	})
	info, err := inspector.GetTaskInfo(q.Name("c"), "batch-000001")
	if err != nil || info.Retried != 0 || !strings.Contains(info.LastErr, "not yet") {
		t.Errorf("a snooze counts as a failure: %+v, %v", info, err)
	}
	if err := q.Hasten(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	await(t, "hastened", func() bool { return runs[1].Load() == 2 })
}

// The leases of running tasks are seen, by their batch.
func TestLeases(t *testing.T) {
	t.Parallel()
	q := NewQueue(redistest.New(t).Client(t), "")
	if err := q.EnqueueAll(t.Context(), "c", []int{1}); err != nil {
		t.Fatal(err)
	}
	stop, began := make(chan struct{}), make(chan struct{})
	serve(t, q, "c", func(context.Context, Reference) (string, error) { close(began); <-stop; return "", nil })
	<-began
	leases, err := q.Leases(t.Context(), "c", "another")
	if err != nil || len(leases["c"]) != 1 || leases["c"][0].Batch != 0 || leases["c"][0].Until == 0 || len(leases["another"]) != 0 {
		t.Errorf("%+v, %v", leases, err)
	}
	if b := backlog(t, q, "c"); b.Active != 1 {
		t.Errorf("%+v", b)
	}
	close(stop)
}

func TestBacklogDue(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	b := Backlog{Pending: 2, Later: []time.Time{now, now.Add(time.Second), now.Add(time.Hour)}}
	for after, want := range map[time.Duration]int{-time.Second: 2, 0: 3, time.Minute: 4, 2 * time.Hour: 5} {
		if n := b.Due(now.Add(after)); n != want {
			t.Errorf("after %s: %d, want %d", after, n, want)
		}
	}
}

// A payload that is none never becomes one.
func TestReferences(t *testing.T) {
	t.Parallel()
	want := Reference{Campaign: "c", Batch: 17, Recipients: 1000}
	got, err := parseReference(want.task("q", 0).Payload())
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", "{", `{"campaign":"","batch":1}`, `{"campaign":"c","batch":-1}`} {
		if _, err := parseReference([]byte(text)); !errors.Is(err, asynq.SkipRetry) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for id, want := range map[string]int{"batch-000017": 17, "batch-000017-epoch-3": 17, "batch-1234567": 1234567} {
		if n, ok := batchOf(id); !ok || n != want {
			t.Errorf("%s: %d, %t", id, n, ok)
		}
	}
	if _, ok := batchOf("email:welcome"); ok {
		t.Error("another application's task has a batch")
	}
}

// A queue that was lost is rebuilt from the ledger: every batch that has somebody
// left, no worker and no task that waits.
func TestRequeue(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	l, store, q := ledger.New(rdb, time.Now), campaign.NewStore(rdb, time.Now), NewQueue(rdb, "")
	raw := "id: c\nsender: promo\nmessage:\n  type: template\n  template: {name: plain_news, language: en_US}\nrecipients: {file: list.csv}\n"
	file, err := campaign.Parse([]byte(raw), "c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), []byte(raw), file); err != nil {
		t.Fatal(err)
	}
	list := strings.Builder{}
	list.WriteString("phone\n")
	for i := range 2500 {
		fmt.Fprintf(&list, "55119%08d\n", i)
	}
	r, err := batch.NewReader(strings.NewReader(list.String()), batch.Options{Phone: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := (&Import{Ledger: l, Campaigns: store, Queue: q}).Run(t.Context(), "c", r)
	if err != nil || plan.Tasks != 3 || backlog(t, q, "c").Pending != 3 {
		t.Fatalf("%+v, %v", plan, err)
	}
	recovery := &Recovery{Queue: q, Ledger: l, Campaigns: store}
	if n, err := recovery.Requeue(t.Context(), "c"); n != 0 || err != nil {
		t.Errorf("%d enqueued where nothing is lost, %v", n, err)
	}
	if _, err := l.Beat(t.Context(), ledger.Heartbeat{Worker: "w"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Claim(t.Context(), "c", 1, "w", false); err != nil {
		t.Fatal(err)
	}
	for _, key := range rdb.Keys(t.Context(), "asynq:*").Val() {
		rdb.Del(t.Context(), key)
	}
	if n, err := recovery.Requeue(t.Context(), "c"); n != 2 || err != nil {
		t.Errorf("%d enqueued, %v", n, err)
	}
	if waiting, err := q.Waiting(t.Context(), "c"); err != nil || !waiting[0] || waiting[1] || !waiting[2] {
		t.Errorf("%v, %v", waiting, err)
	}
}

// A campaign whose index cannot be made, as in a Redis that is full, is launched all
// the same, and its queue is filled: whoever misses the index makes it.
func TestLaunchWithoutItsIndex(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	l, store := ledger.New(rdb, time.Now), campaign.NewStore(rdb, time.Now)
	raw := []byte("id: c\nsender: s\nmessage: {type: template, template: {name: n, language: en}}\nrecipients: {file: l.csv}\n")
	f, err := campaign.Parse(raw, "c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), raw, f); err != nil {
		t.Fatal(err)
	}
	list, err := batch.NewReader(strings.NewReader("phone\n5511912345678\n"), batch.Options{Phone: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	q := NewQueue(rdb, "")
	im := &Import{Ledger: l, Campaigns: store, Queue: q, Index: func(context.Context, string) error { return errors.New("OOM command not allowed") }}
	if _, err := im.Run(t.Context(), "c", list); err != nil {
		t.Errorf("it is launched, and its import says: %v", err)
	}
	if b := backlog(t, q, "c"); b.Pending != 1 {
		t.Errorf("%+v", b)
	}
}
