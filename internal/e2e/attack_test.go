package e2e

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var seed = flag.Uint64("attack.seed", 0, "seed of the attacks; 0: by the clock")

// dice are a test's randomness; the seed is printed.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -attack.seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// Workers are killed with SIGKILL at random while others run. The campaign ends
// without a person, nobody is taken twice, whoever is in doubt was begun, and
// the batches of the dead go on within 15 seconds.
func TestWorkersKilledAtRandom(t *testing.T) {
	t.Parallel()
	r := dice(t)
	const inFlight, kills = 48, 5
	w := newWorld(t, "--latency", "30ms")
	w.writeSenders(", messages_per_second: 1000", "")
	workers := []*process{w.start("worker"), w.start("worker"), w.start("worker")}
	if _, code := w.run("producer", "send", w.nxCampaign("killed", w.list("k.csv", 20_000), "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.awaitAccount("killed", "under way", time.Minute, func(a account) bool { return a.Accepted > 500 })
	var recoveries []time.Duration
	for k := range kills {
		pause := time.NewTimer(time.Duration(200+r.IntN(1500)) * time.Millisecond)
		<-pause.C
		i := r.IntN(len(workers))
		owned := w.ownedBy(workers[i])
		workers[i].kill()
		died := time.Now()
		workers[i] = w.start("worker")
		if len(owned) > 0 {
			recoveries = append(recoveries, w.awaitTakenOver(owned, died))
		}
		if a := w.status("killed"); a.Rows != a.sum() {
			t.Fatalf("after kill %d: %+v", k+1, a)
		}
	}
	a := w.awaitState("killed", "finished", 2*time.Minute)
	slices.Sort(recoveries)
	t.Logf("%d kills, %d in doubt, recovery median %s worst %s", kills, a.InDoubt,
		recoveries[len(recoveries)/2].Round(100*time.Millisecond), recoveries[len(recoveries)-1].Round(100*time.Millisecond))
	if worst := recoveries[len(recoveries)-1]; worst > 15*time.Second {
		t.Errorf("a dead worker's batches went on after %s", worst)
	}
	// In flight, and a chunk of 50 ms at the limit's pace, at each kill.
	if most := kills * (64 + 50 + 64); a.InDoubt > most {
		t.Errorf("%d in doubt after %d kills, at most %d can be", a.InDoubt, kills, most)
	}
	if a.Accepted+a.InDoubt != 20_000 {
		t.Errorf("%+v", a)
	}
	w.judge("killed")
}

// ownedBy are the batches that a worker has, by the ledger's owners.
func (w *world) ownedBy(p *process) []string {
	w.t.Helper()
	var owned []string
	for batch, owner := range w.owners() {
		if strings.Contains(owner, "-"+itoa(p.cmd.Process.Pid)+"-") {
			owned = append(owned, batch+" "+owner)
		}
	}
	return owned
}

// owners are the owners of batches, which go by their campaign and number.
func (w *world) owners() map[string]string {
	w.t.Helper()
	rdb := w.redis.Client(w.t)
	defer rdb.Close()
	owners := map[string]string{}
	for _, key := range rdb.Keys(w.t.Context(), "sluice:{*}:owners").Val() {
		for n, owner := range rdb.HGetAll(w.t.Context(), key).Val() {
			id, _, _ := strings.Cut(strings.TrimPrefix(key, "sluice:{"), "}")
			owners[id+" "+n] = owner
		}
	}
	return owners
}

// awaitTakenOver waits until none of the batches is in the dead worker's hands
// any more, and returns how long that took.
func (w *world) awaitTakenOver(owned []string, since time.Time) time.Duration {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left := false
		for n, owner := range w.owners() {
			left = left || slices.Contains(owned, n+" "+owner)
		}
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
// it goes on, and submits nobody more.
func TestWorkerStoppedBeyondItsLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 300", "")
	stopped := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("stopped", w.list("s.csv", 6000), "")); code != 0 {
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
	stopped.cmd.Process.Signal(syscall.SIGCONT)
	a := w.awaitState("stopped", "finished", 2*time.Minute)
	if a.Accepted+a.InDoubt != 6000 {
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
		w.quietFor(500*time.Millisecond, 10*time.Second)
		w.redis.Start(t)
	}
	a := w.awaitState("restart", "finished", 3*time.Minute)
	if a.Accepted != 8000 {
		t.Errorf("an outage of Redis cost somebody: %+v", a)
	}
	w.judge("restart")
}

// SIGTERM under load, twice even, cuts off no submission and leaves nothing in
// doubt; another worker goes on at once.
func TestWorkersStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "50ms")
	w.writeSenders(", messages_per_second: 1000", "")
	p := w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("termed", w.list("t.csv", 8000), "")); code != 0 {
		t.Fatal("send failed")
	}
	for k := range 3 {
		before := w.status("termed").Accepted
		w.awaitAccount("termed", "under way", time.Minute, func(a account) bool { return a.Accepted > before+500 })
		next := w.start("worker")
		if k == 1 {
			p.cmd.Process.Signal(syscall.SIGTERM)
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

// An outage of the provider costs nobody their attempts: the circuit breaker
// opens, single submissions probe, and the campaign ends by itself.
func TestProviderOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 300", "")
	w.start("worker", "--retry-base", "100ms", "--retry-max", "300ms")
	if _, code := w.run("producer", "send", w.nxCampaign("outage", w.list("o.csv", 3000), "max_attempts: 2")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("outage", "under way", time.Minute, func(a account) bool { return a.Accepted > 300 })
	w.post("/_sandbox/faults", `faults: [{status: 503, body: "<html>down</html>"}]`)
	down := time.NewTimer(12 * time.Second)
	<-down.C
	probes := w.report().Codes["http 503"]
	w.post("/_sandbox/faults", "")
	a := w.awaitState("outage", "finished", 2*time.Minute)
	t.Logf("%d submissions met the outage of 12 s", probes)
	if a.Accepted != 3000 {
		t.Errorf("the outage cost somebody: %+v", a)
	}
	if probes > 300 {
		t.Errorf("%d submissions in an outage of 12 s: the breaker did not open", probes)
	}
	w.judge("outage")
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
