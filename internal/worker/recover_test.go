package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// A heartbeat that is late starts a new incarnation; one that is due is no longer
// believed, a while before others stop to believe it.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	var failing error
	h := &heartbeat{log: zerolog.Nop(), give: func(context.Context) error { return failing }}
	if !h.Lapsed(h.Incarnation()) {
		t.Error("alive before the first heartbeat")
	}
	beat := func() {
		t.Helper()
		if err := h.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ago := func(d time.Duration) {
		at := time.Now().Add(-d)
		h.lastBeat.Store(&at)
	}
	beat()
	first := h.Incarnation()
	if h.Lapsed(first) {
		t.Error("gone at once")
	}
	ago(aliveFor - lapseMargin - time.Second)
	if h.Lapsed(first) {
		t.Error("gone before its time")
	}
	beat()
	if h.Incarnation() != first {
		t.Error("a heartbeat in time started a new incarnation")
	}
	ago(aliveFor - lapseMargin + time.Millisecond)
	if !h.Lapsed(first) {
		t.Error("alive after its time")
	}
	failing = errors.New("Redis is away")
	if h.beat(t.Context()) == nil || !h.Lapsed(first) {
		t.Error("a heartbeat that Redis does not have counts")
	}
	failing = nil
	beat()
	if h.Incarnation() == first || !h.Lapsed(first) || h.Lapsed(h.Incarnation()) {
		t.Error("a late heartbeat starts no new incarnation")
	}
}

// A task's lease is taken to stand still by its changes, and its batch is taken
// until that succeeds.
func TestStalled(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_790_000_000, 0)
	of := func(batch int, until float64) jobs.Lease {
		return jobs.Lease{Task: "t", Batch: batch, Until: until}
	}
	tests := []struct {
		name  string
		seen  []jobs.Lease // one each stalledAfter
		busy  int          // so many times there is no place for it
		taken int
	}{
		{"renewed", []jobs.Lease{of(1, 30), of(1, 41), of(1, 52)}, 0, 0},
		{"stands still", []jobs.Lease{of(1, 30), of(1, 30), of(1, 30)}, 0, 1},
		{"tried again", []jobs.Lease{of(1, 30), of(1, 30), of(1, 30)}, 1, 1},
		{"renewed once more", []jobs.Lease{of(1, 30), of(1, 41), of(1, 41)}, 0, 1},
		{"of no batch", []jobs.Lease{of(-1, 30), of(-1, 30), of(-1, 30)}, 0, 0},
		{"seen for the first time", []jobs.Lease{of(1, 30)}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var known map[string]lease
			taken, busy := 0, tt.busy
			for i, l := range tt.seen {
				known = stalled(known, []jobs.Lease{l}, start.Add(time.Duration(i)*stalledAfter), func(n int) bool {
					if busy > 0 {
						busy--
						return false
					}
					taken++
					return n == 1
				})
			}
			if taken != tt.taken {
				t.Errorf("taken %d times, want %d", taken, tt.taken)
			}
			if len(stalled(known, nil, start, nil)) != 0 {
				t.Error("what has gone is still known")
			}
		})
	}
}

// abandon has a worker that is gone hold the only batch of a campaign and its task,
// with somebody in flight.
func (w *world) abandon(id string, n int, begun ...int) {
	w.t.Helper()
	claim, err := w.ledger.Claim(w.t.Context(), id, n, "gone", false)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := claim.Begin(w.t.Context(), begun); err != nil {
		w.t.Fatal(err)
	}
	key := func(what string) string { return keys.Queue(w.queue.Name(id), what) }
	task, err := w.rdb.LMove(w.t.Context(), key("pending"), key("active"), "RIGHT", "LEFT").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	w.rdb.ZAdd(w.t.Context(), key("lease"), redis.Z{Score: float64(time.Now().Add(time.Minute).Unix()), Member: task})
}

// leaseTellsNothing leaves the heartbeat alone to tell that a worker is gone.
func (w *world) leaseTellsNothing(id string) {
	w.t.Helper()
	if err := w.rdb.Del(w.t.Context(), keys.Queue(w.queue.Name(id), "lease")).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// beat gives a heartbeat of the worker that abandons.
func (w *world) beat(lasts time.Duration) {
	w.t.Helper()
	if _, err := w.ledger.Beat(w.t.Context(), ledger.Heartbeat{Worker: "gone"}, lasts); err != nil {
		w.t.Fatal(err)
	}
}

// A batch whose worker was gone before this one started goes on at once, and
// whoever was in flight is in doubt.
func TestTakesOverWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch("left", 10, "")
	w.abandon("left", 0, 2, 3)
	w.leaseTellsNothing("left")
	w.start(w.options("w"))
	w.awaitState("left", campaign.Finished, time.Minute)
	if a := w.totals("left"); a.Accepted != 8 || a.InDoubt != 2 {
		t.Errorf("%+v", a)
	}
}

// A batch whose task is lost is enqueued again although the queue is not empty: another
// task stays there in the hands of a worker that is gone, and its batch is done.
func TestLostTaskBesideADeadWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch("left", 1010, "")
	w.abandon("left", 0, 2, 3)
	key := func(what string) string { return keys.Queue(w.queue.Name("left"), what) }
	w.rdb.Del(t.Context(), key("pending"), key("active"), key("lease"))
	w.rdb.RPush(t.Context(), key("active"), "batch-000000")
	w.rdb.ZAdd(t.Context(), key("lease"), redis.Z{Score: float64(time.Now().Unix()), Member: "batch-000000"})
	w.start(w.options("w"))
	w.awaitState("left", campaign.Finished, 2*time.Minute)
	if a := w.totals("left"); a.Accepted != 1008 || a.InDoubt != 2 {
		t.Errorf("%+v", a)
	}
}

// A batch whose worker goes while this one runs is taken over once its heartbeat
// has ended, even where its campaign has nothing else to do here.
func TestTakesOverFromWhoeverGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := time.Now()
	w.beat(5 * time.Second)
	w.launch("left", 10, "")
	w.abandon("left", 0, 0)
	w.leaseTellsNothing("left")
	w.start(w.options("w"))
	w.awaitState("left", campaign.Finished, time.Minute)
	if took := time.Since(began); took < 4*time.Second {
		t.Errorf("taken over after %s from whoever was alive", took)
	}
	if a := w.totals("left"); a.Accepted != 9 || a.InDoubt != 1 {
		t.Errorf("%+v", a)
	}
}

// A campaign that is over is retired after a while: its queue goes, its rows begin
// to expire, its account stays.
func TestRetires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options("w")
	o.Linger, o.Keep = 300*time.Millisecond, time.Hour
	w.launch("over", 3, "")
	w.start(o)
	w.await("retired", time.Minute, func() bool { return w.logged("campaign retired") })
	for _, key := range w.rdb.Keys(t.Context(), keys.Queue(w.queue.Name("over"), "*")).Val() {
		if w.rdb.TTL(t.Context(), key).Val() <= 0 { // the day's counts expire
			t.Errorf("left of its queue: %s", key)
		}
	}
	if ttl := w.rdb.TTL(t.Context(), keys.Recipients("over", 0)).Val(); ttl <= 0 || ttl > time.Hour {
		t.Errorf("its rows expire in %s", ttl)
	}
	if rec, err := w.campaigns.Get(t.Context(), "over"); err != nil || len(rec.Final) == 0 || rec.State != campaign.Finished {
		t.Errorf("%+v, %v", rec, err)
	}
}

// A claim whose answer was lost, or that could not be released, stands as that of a
// worker which lives and has nothing in its hands: it is given back when the campaign
// stops there, and whoever was begun under it is in doubt.
func TestStrayClaimIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(w *world) (bool, error){
		"cancelled": func(w *world) (bool, error) { return w.campaigns.Cancel(w.t.Context(), "c") },
		"paused":    func(w *world) (bool, error) { return w.campaigns.Pause(w.t.Context(), "c") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.launch("c", 3, far())
			w.start(w.options("w"))
			w.await("told to wait", time.Minute, func() bool { return w.retrying("c") > 0 })
			c, err := w.ledger.Claim(t.Context(), "c", 0, "w", false)
			if err == nil {
				err = c.Begin(t.Context(), []int{0})
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stop(w); err != nil {
				t.Fatal(err)
			}
			w.await("given back", time.Minute, func() bool {
				n, err := w.ledger.Owned(t.Context(), "c")
				return err == nil && n == 0
			})
			if got := w.totals("c"); got.InDoubt != 1 || got.Pending != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A campaign that was finished with somebody left goes on instead of being retired.
func TestFinishedWithSomebodyLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options("w")
	o.Linger = 300 * time.Millisecond
	w.launch("early", 3, "")
	w.rdb.HSet(t.Context(), keys.Campaign("early"), "state", "finished")
	w.start(o)
	w.await("sent", time.Minute, func() bool { return w.totals("early").Accepted == 3 })
}

// What wakes the supervisor is kept until it is taken, and taken once.
func TestWakes(t *testing.T) {
	t.Parallel()
	w := newWakes()
	w.add("a")
	w.add("a")
	w.add("b")
	select {
	case <-w.C:
	default:
		t.Fatal("nothing rings")
	}
	if ids, all := w.take(); len(ids) != 2 || all {
		t.Errorf("%q, %t", ids, all)
	}
	w.addAll()
	if ids, all := w.take(); len(ids) != 0 || !all {
		t.Errorf("%q, %t", ids, all)
	}
	if ids, all := w.take(); len(ids) != 0 || all {
		t.Errorf("%q, %t again", ids, all)
	}
}

// A worker without a Redis says so, and does not start.
func TestRunWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.redis.Kill(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := New(w.options("w")).Run(ctx); err == nil {
		t.Error("no error")
	}
}

// A worker that has just come back from standing still, or from a Redis that was away,
// does not take others for gone: they may have been where it was.
func TestSeesNobodyGoneAfterItsOwnAbsence(t *testing.T) {
	t.Parallel()
	w := &Worker{heartbeat: &heartbeat{log: zerolog.Nop(), give: func(context.Context) error { return nil }}}
	beat := func() {
		t.Helper()
		if err := w.heartbeat.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if w.seesOthers() {
		t.Error("before its first heartbeat")
	}
	beat()
	if !w.seesOthers() {
		t.Error("not while it lives")
	}
	still := time.Now().Add(-aliveFor)
	w.heartbeat.lastBeat.Store(&still)
	if w.seesOthers() {
		t.Error("while its own heartbeat is late")
	}
	beat()
	if w.seesOthers() {
		t.Error("right after its own heartbeat was late")
	}
	w.stoodStillAt = time.Now().Add(-afterOutage)
	if !w.seesOthers() {
		t.Error("not once the others had time to come back")
	}
}

// A worker that stands still again and again, on a machine or with a Redis that is
// always slow, takes over all the same, only later: nobody else may be there to. Each
// failure of Redis begins the wait anew.
func TestSeesOthersAlthoughItStandsStillAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Worker{heartbeat: &heartbeat{log: zerolog.Nop(), give: func(context.Context) error { return nil }}}
		beat := func() {
			t.Helper()
			if err := w.heartbeat.beat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		// sees is after how long of standing still every two seconds it looks at others.
		sees := func() time.Duration {
			began := time.Now()
			for time.Since(began) < time.Minute {
				beat()
				if w.seesOthers() {
					t.Error("right after it stood still")
				}
				time.Sleep(aliveFor - lapseMargin - time.Millisecond)
				if w.seesOthers() {
					return time.Since(began)
				}
				time.Sleep(300 * time.Millisecond)
			}
			return time.Minute
		}
		beat()
		time.Sleep(2 * time.Second)
		if after := sees(); after < blindAtMost || after > blindAtMost+3*time.Second {
			t.Errorf("it looked at others after %s", after)
		}
		w.redisFailed(t.Context(), "", errors.New("Redis is away"))
		time.Sleep(2 * time.Second)
		if after := sees(); after < blindAtMost || after > blindAtMost+3*time.Second {
			t.Errorf("after Redis was away, it looked at others after %s", after)
		}
	})
}

// The time from a death to its takeover: what a heartbeat lasts, and how often it is
// looked for; and it lasts for many that are late.
func TestTakeoverTakesNoLongerThanThreeSeconds(t *testing.T) {
	t.Parallel()
	if most := aliveFor + missEvery; most > 3*time.Second {
		t.Errorf("%s", most)
	}
	if aliveFor-lapseMargin < 5*beatEvery {
		t.Errorf("a heartbeat each %s, which lasts for %s", beatEvery, aliveFor)
	}
}
