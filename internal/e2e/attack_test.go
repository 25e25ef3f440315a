package e2e

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var seed = flag.Uint64("attack.seed", 0, "seed of the attacks; 0: SOAK_SEED, or by the clock")

// dice are a test's randomness; the seed is printed.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s, _ = strconv.ParseUint(os.Getenv("SOAK_SEED"), 10, 64)
	}
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with SOAK_SEED=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// ownedBy are the batches that a worker has, by the ledger's owners.
func (w *world) ownedBy(p *process) []string {
	w.t.Helper()
	return slices.DeleteFunc(w.owned(), func(batch string) bool {
		return !strings.Contains(batch, "-"+itoa(p.cmd.Process.Pid)+"-")
	})
}

// owned are the batches that anybody has: campaign, number and owner.
func (w *world) owned() []string {
	w.t.Helper()
	keys, err := w.rdb.Keys(w.t.Context(), "sluice:{*}:owners").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	var owned []string
	for _, key := range keys {
		id, _, _ := strings.Cut(strings.TrimPrefix(key, "sluice:{"), "}")
		owners, err := w.rdb.HGetAll(w.t.Context(), key).Result()
		if err != nil {
			w.t.Fatal(err)
		}
		for n, owner := range owners {
			owned = append(owned, id+" "+n+" "+owner)
		}
	}
	return owned
}

// awaitTakenOver waits until none of the batches is in the dead worker's hands
// any more, and returns how long that took.
func (w *world) awaitTakenOver(owned []string, since time.Time) time.Duration {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		now := w.owned()
		left := slices.ContainsFunc(owned, func(b string) bool { return slices.Contains(now, b) })
		took := time.Since(since)
		if !left {
			return took
		}
		if took > time.Minute {
			w.t.Fatalf("batches %v of a dead worker are still its own after %s\n%s", owned, took, w.logs.tail(4000))
		}
		<-tick.C
	}
}

// A worker that stands still for longer than its lease has been taken over when
// it goes on. It starts no submission more, and the answers that it then reads
// resolve what was in doubt.
func TestWorkerStoppedBeyondItsLease(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]string{"paced": ", messages_per_second: 300", "as fast as it goes": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopBeyondLease(t, limit)
		})
	}
}

func stopBeyondLease(t *testing.T, limit string) {
	t.Helper()
	w := newWorld(t, "--latency", "200ms")
	w.writeSenders(limit, "")
	senders, err := os.ReadFile(filepath.Join(w.dir, "senders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.file("senders.yaml", strings.ReplaceAll(string(senders), "timeout: 5s", "timeout: 2m"))
	stopped := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("stopped", w.list("s.csv", 3600), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("stopped", "under way", time.Minute, func(a account) bool { return a.Accepted > 300 })
	owned := w.ownedBy(stopped)
	stopped.cmd.Process.Signal(syscall.SIGSTOP)
	if len(owned) == 0 {
		t.Fatal("the worker had no batch")
	}
	w.start("worker")
	took := w.awaitTakenOver(owned, time.Now())
	t.Logf("taken over after %s", took.Round(100*time.Millisecond))
	var doubted []string
	for _, row := range w.export("stopped") {
		if row.State == "in_doubt" {
			doubted = append(doubted, row.Phone)
		}
	}
	before := w.taken()
	stopped.cmd.Process.Signal(syscall.SIGCONT)
	w.awaitState("stopped", "finished", 2*time.Minute)
	after, never, late := w.taken(), 0, 0
	for _, phone := range doubted {
		switch {
		case !after[phone]:
			never++
		case !before[phone]:
			late++
		}
	}
	t.Logf("%d were in doubt, %d of them never arrived, %d arrived late", len(doubted), never, late)
	// A process may stand still between its last look at the slot and the write.
	// What it then writes is in doubt already, and nobody else's.
	if late > 3 {
		t.Errorf("the worker submitted to %d after it had been taken over", late)
	}
	if never == len(doubted) {
		t.Error("nothing was in flight when the worker was stopped")
	}
	a := w.awaitAccount("stopped", "told of the late answers", time.Minute, func(a account) bool { return a.InDoubt <= never })
	if a.Accepted+a.InDoubt != 3600 {
		t.Errorf("%+v", a)
	}
	w.judge("stopped")
}

// Redis is killed and started again under load, with its append-only file.
// Nothing is submitted while it is away, and the campaign ends by itself.
func TestRedisRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, []string{"--appendfsync", "always"}, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 500", "")
	w.start("worker")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("restart", w.list("r.csv", 8000), "")); code != 0 {
		t.Fatal("send failed")
	}
	for _, more := range []int{500, 2500} {
		w.awaitAccount("restart", "under way", time.Minute, func(a account) bool { return a.Accepted > more })
		w.redis.Kill(t)
		w.quietFor(500*time.Millisecond, time.Minute)
		w.redis.Start(t)
	}
	a := w.awaitState("restart", "finished", 3*time.Minute)
	if a.Accepted != 8000 {
		t.Errorf("an outage of Redis cost somebody: %+v", a)
	}
	w.judge("restart")
}

// SIGTERM under load, and a second one while the worker waits for what is in
// flight, cut off no submission and leave nothing in doubt; another worker goes on
// at once.
func TestWorkersStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "500ms")
	w.writeSenders(", messages_per_second: 1000", "")
	w.sendersWith("in_flight: 64", "in_flight: 500")
	p := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("termed", w.list("t.csv", 8000), "")); code != 0 {
		t.Fatal("send failed")
	}
	for range 3 {
		before := w.status("termed").Accepted
		w.awaitAccount("termed", "under way", time.Minute, func(a account) bool { return a.Accepted > before+500 })
		next := w.start("worker")
		p.cmd.Process.Signal(syscall.SIGTERM)
		between := time.NewTimer(150 * time.Millisecond) // of the 500 that an answer takes
		<-between.C
		select {
		case <-p.done:
			t.Error("a worker with submissions in flight ended at once")
		default:
		}
		p.stop(20 * time.Second)
		if p.err != nil {
			t.Errorf("a stopped worker ended with %v", p.err)
		}
		p = next
	}
	if a := w.awaitState("termed", "finished", time.Minute); a.Accepted != 8000 {
		t.Errorf("%+v", a)
	}
	for _, row := range w.export("termed") {
		if row.Attempts != 1 {
			t.Fatalf("row %d took %d attempts", row.Row, row.Attempts)
		}
	}
	w.judge("termed")
}

// Two imports of one campaign at once stage it once.
func TestTwoImportsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("both", w.list("b.csv", 100_000), "rate: {messages_per_second: 0.1}")
	var wg sync.WaitGroup
	codes := make([]int, 3)
	for i := range codes {
		wg.Go(func() { _, codes[i] = w.run("producer", "send", file) })
	}
	wg.Wait()
	for _, code := range codes {
		if code != 0 {
			t.Errorf("exit codes %v\n%s", codes, w.logs.tail(2000))
			break
		}
	}
	if a := w.status("both"); a.Rows != 100_000 || a.Pending != 100_000 || a.Batches != 100 || a.State != "running" {
		t.Errorf("%+v", a)
	}
	if out, code := w.run("producer", "verify", "both"); code != 0 {
		t.Errorf("verify: %d\n%s", code, out)
	}
}

// Redis with settings that lose data is refused at the start.
func TestRedisSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{"--maxmemory-policy allkeys-lru": "noeviction", "--appendonly no": "appendonly yes"} {
		w := newWorldWith(t, strings.Fields(setting))
		w.list("x.csv", 3)
		before := len(w.logs.String())
		if _, code := w.run("producer", "send", w.nxCampaign("x", "x.csv", "")); code != 1 {
			t.Errorf("%s: producer's exit code %d", setting, code)
		}
		if _, code := w.run("worker"); code != 1 {
			t.Errorf("%s: worker's exit code %d", setting, code)
		}
		if said := w.logs.String()[before:]; strings.Count(said, want) < 2 {
			t.Errorf("%s: said %q", setting, said)
		}
	}
}

// A worker that cannot send a campaign, for it does not know the sender, leaves
// it to those that can, and sends the others.
func TestWorkerWithoutTheSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	senders, err := os.ReadFile(filepath.Join(w.dir, "senders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	few := w.file("few.yaml", strings.ReplaceAll(string(senders), "promo-id:", "promo-none:"))
	w.start("worker", "--senders", few)
	w.listFrom("a.csv", 0, 50)
	w.listFrom("b.csv", 50, 50)
	for _, file := range []string{w.innoCampaign("unknown", "a.csv", ""), w.nxCampaign("known", "b.csv", "")} {
		if _, code := w.run("producer", "send", file); code != 0 {
			t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
		}
	}
	w.awaitState("known", "finished", time.Minute)
	if a := w.status("unknown"); a.State != "running" || a.Pending != 50 {
		t.Errorf("%+v", a)
	}
	w.start("worker")
	w.awaitState("unknown", "finished", time.Minute)
	w.judge("unknown", "known")
}
