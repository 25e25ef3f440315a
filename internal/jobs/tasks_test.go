package jobs

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// A pause of ours and one of somebody else's are told apart, and each is taken back
// by who may.
func TestPause(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	q := NewQueue(rdb, "")
	if err := rdb.Set(t.Context(), q.key("theirs", "paused"), 1_790_000_000, 0).Err(); err != nil {
		t.Fatal(err)
	}
	all := []string{"ours", "theirs", "neither"}
	is := func(what string, want ...Pause) {
		t.Helper()
		if got, err := q.Paused(t.Context(), all); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	is("at first", NotPaused, PausedByOthers, NotPaused)
	if err := q.Hold(t.Context(), "ours", "theirs"); err != nil {
		t.Fatal(err)
	}
	is("held", PausedByUs, PausedByOthers, NotPaused)
	for _, id := range all {
		if err := q.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	is("released", NotPaused, PausedByOthers, NotPaused)
	for _, id := range all {
		if err := q.Unpause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	is("unpaused", NotPaused, NotPaused, NotPaused)
	rdb.Close()
	if _, err := q.Paused(t.Context(), all); err == nil {
		t.Error("a Redis that is away knows of no pause")
	}
}

// A queue is deleted with our tasks in whatever state, but nothing of another
// application's; and a queue that holds some is not worked on.
func TestDelete(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	q := NewQueue(rdb, "")
	left := func() []string { return rdb.Keys(t.Context(), "asynq:{*").Val() }
	if err := q.EnqueueAll(t.Context(), "c", []int{1, 1, 1, 1}); err != nil {
		t.Fatal(err)
	}
	// What asynq makes of tasks whose worker died, which wait, and which are over.
	for task, state := range map[string]string{"batch-000001": "active", "batch-000002": "retry", "batch-000003": "completed"} {
		if n := rdb.LRem(t.Context(), q.key("c", "pending"), 1, task).Val(); n != 1 {
			t.Fatalf("%s does not wait", task)
		}
		if state == "active" {
			rdb.LPush(t.Context(), q.key("c", state), task)
		} else {
			rdb.ZAdd(t.Context(), q.key("c", state), redis.Z{Score: 1, Member: task})
		}
	}
	rdb.ZAdd(t.Context(), q.key("c", "lease"), redis.Z{Score: 1, Member: "batch-000001"})
	client := asynq.NewClientFromRedisClient(rdb)
	if _, err := client.EnqueueContext(t.Context(), asynq.NewTask("email:welcome", nil), asynq.Queue(q.Name("c")), asynq.TaskID("theirs")); err != nil {
		t.Fatal(err)
	}

	err := q.CheckForeign(t.Context(), "c")
	if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "1 in "+q.Name("c")) {
		t.Errorf("%v", err)
	}
	if _, err := q.Serve("c", ServeOptions{Batches: 1, Log: zerolog.Nop(), Foreign: func() {}}, nil); !errors.Is(err, ErrForeign) {
		t.Errorf("it is worked on: %v", err)
	}
	if foreign, err := q.Delete(t.Context(), "c"); foreign != 1 || err != nil {
		t.Errorf("%d, %v", foreign, err)
	}
	if ids, err := q.tasks(t.Context(), "c", "pending", "active", "retry", "scheduled", "archived", "completed"); err != nil || !slices.Equal(ids, []string{"theirs"}) {
		t.Errorf("%v, %v", ids, err)
	}
	if err := asynq.NewInspectorFromRedisClient(rdb).DeleteTask(q.Name("c"), "theirs"); err != nil {
		t.Fatal(err)
	}
	if err := q.CheckForeign(t.Context(), "c"); err != nil {
		t.Error(err)
	}
	for range 2 { // the second time there is none
		if foreign, err := q.Delete(t.Context(), "c"); foreign != 0 || err != nil || len(left()) != 0 || rdb.SCard(t.Context(), keys.Queues()).Val() != 0 {
			t.Errorf("%d, %v, and left is %v", foreign, err, left())
		}
	}
}

// Of a cancelled campaign what nobody has in hand is deleted, with the pause, and what
// is done and at work stays.
func TestPurge(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	q := NewQueue(rdb, "")
	if err := q.EnqueueAll(t.Context(), "c", []int{1, 1, 1}); err != nil {
		t.Fatal(err)
	}
	began, stop := make(chan struct{}, 3), make(chan struct{})
	s, err := q.Serve("c", ServeOptions{Batches: 1, StopWithin: 30 * time.Second, Log: zerolog.Nop(), Foreign: func() {}}, func(_ context.Context, _ Reference) (string, error) {
		began <- struct{}{}
		<-stop
		return "done", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-began
	if err := errors.Join(q.Hold(t.Context(), "c"), q.Purge(t.Context(), "c")); err != nil {
		t.Fatal(err)
	}
	if b := backlog(t, q, "c"); b.Pending != 0 || b.Active != 1 {
		t.Errorf("%+v", b)
	}
	if paused, err := q.Paused(t.Context(), []string{"c"}); err != nil || paused[0] != NotPaused {
		t.Errorf("%v, %v", paused, err)
	}
	close(stop)
	s.Shutdown()
	if ids, err := q.tasks(t.Context(), "c", "completed"); err != nil || len(ids) != 1 {
		t.Errorf("done: %v, %v", ids, err)
	}
}

// The first program says how the queues of a Redis are named, and another prefix, or
// one that is none, is refused.
func TestCheckPrefix(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	for _, bad := range []string{"", ":x", "a b", "é", strings.Repeat("x", 41), "x{y}"} {
		if err := CheckPrefix(t.Context(), rdb, bad); !errors.Is(err, ErrPrefix) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for range 2 {
		if err := CheckPrefix(t.Context(), rdb, "shop:"); err != nil {
			t.Error(err)
		}
	}
	if err := CheckPrefix(t.Context(), rdb, DefaultPrefix); !errors.Is(err, ErrPrefix) || !strings.Contains(err.Error(), `"shop:"`) {
		t.Errorf("%v", err)
	}
	if name := NewQueue(rdb, "shop:").Name("c"); name != "shop:c" {
		t.Error(name)
	}
	rdb.Close()
	if err := CheckPrefix(t.Context(), rdb, "shop:"); err == nil || errors.Is(err, ErrPrefix) {
		t.Errorf("a Redis that is away: %v", err)
	}
}

// A batch that is brought back a hundred times under names that asynq still holds is
// not enqueued, and says what to do.
func TestEnqueueAnewEnds(t *testing.T) {
	t.Parallel()
	q := NewQueue(redistest.New(t).Client(t), "")
	for n := range 101 {
		err := q.EnqueueAnew(t.Context(), Reference{Campaign: "c", Recipients: 1}, 1)
		if full := n == 100; errors.Is(err, ErrTooManyTasks) != full || !full && err != nil {
			t.Fatalf("the %dth: %v", n, err)
		}
	}
}

// What runs again runs when it says; what failed soon, then less often, and for ever.
func TestRetryDelay(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		n       int
		err     error
		want    time.Duration
		failure bool
	}{
		{0, broken, time.Second, true},
		{5, broken, 6 * time.Second, true},
		{1_000_000, broken, 30 * time.Second, true},
		{7, later{time.Hour}, time.Hour, false},
		{7, errors.Join(broken, later{time.Minute}), time.Minute, false},
		{0, foreignTask{}, time.Hour, false},
	} {
		if got, failure := retryDelay(tt.n, tt.err, nil), isFailure(tt.err); got != tt.want || failure != tt.failure {
			t.Errorf("%d, %v: after %s, a failure: %t", tt.n, tt.err, got, failure)
		}
	}
}

// What asynq says is passed on at its level, but for what nobody here asks for.
func TestAsynqLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := asynqLog{zerolog.New(&out)}
	for _, tt := range []struct {
		say  func(...any)
		text string
		want string
	}{
		{l.Debug, "a", "debug"},
		{l.Info, "a", "debug"},
		{l.Warn, "a", "warn"},
		{l.Error, "a", "error"},
		{l.Fatal, "a", "error"},
		{l.Error, "cannot subscribe to cancelation channel: NOPERM", "debug"},
		{l.Error, "cannot subscribe to cancelation channel: EOF", "error"},
	} {
		out.Reset()
		if tt.say(tt.text); !strings.Contains(out.String(), `"level":"`+tt.want+`"`) || !strings.Contains(out.String(), tt.text) {
			t.Errorf("%q: %s", tt.text, out.String())
		}
	}
}

// A finished campaign goes on where somebody is pending, and its rows expire no more;
// one that is cancelled or still imported stays as it is.
func TestReopen(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	recovery := &Recovery{Queue: d.queue, Ledger: d.ledger, Campaigns: d.campaigns}
	if n, err := recovery.Requeue(t.Context(), "c"); n != 0 || err != nil || d.state("c") != campaign.Importing {
		t.Errorf("importing: %d, %v, and it is %s", n, err, d.state("c"))
	}
	if _, err := d.into().Run(t.Context(), "c", &list{sizes: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	// It is finished by somebody who was wrong, and its rows are to expire.
	if err := d.rdb.HSet(t.Context(), keys.Campaign("c"), "state", string(campaign.Finished)).Err(); err != nil {
		t.Fatal(err)
	}
	expire := func(ctx context.Context) error { return d.ledger.Expire(ctx, "c", time.Hour) }
	if err := d.campaigns.Retire(t.Context(), "c", []byte("{}"), expire); err != nil {
		t.Fatal(err)
	}
	if left := d.rdb.PTTL(t.Context(), keys.Batches("c")).Val(); left <= 0 {
		t.Fatalf("its rows do not expire: %s", left)
	}
	if _, err := d.queue.Delete(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if n, err := recovery.Requeue(t.Context(), "c"); n != 2 || err != nil || d.state("c") != campaign.Running {
		t.Errorf("%d, %v, and it is %s", n, err, d.state("c"))
	}
	if left := d.rdb.PTTL(t.Context(), keys.Batches("c")).Val(); left != -1 {
		t.Errorf("its rows expire in %s", left)
	}
	if rec, err := d.campaigns.Get(t.Context(), "c"); err != nil || rec.Expiring {
		t.Errorf("%+v, %v", rec, err)
	}
	if _, err := d.campaigns.Cancel(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if n, err := recovery.Requeue(t.Context(), "c"); n != 0 || err != nil || d.state("c") != campaign.Cancelled {
		t.Errorf("cancelled: %d, %v, and it is %s", n, err, d.state("c"))
	}
	if _, err := recovery.Requeue(t.Context(), "nobody"); !errors.Is(err, campaign.ErrNotFound) {
		t.Error(err)
	}
}
