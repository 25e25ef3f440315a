package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/redistest"
)

// A sentry is a Redis with a replica behind a proxy, and a Sentinel that watches
// over both.
type sentry struct {
	replica *redistest.Server
	link    *proxy // from the replica to its master
	url     string
}

// watch gives the world's Redis a replica and a Sentinel; whatever the world
// starts from now on asks the Sentinel.
func (w *world) watch() *sentry {
	w.t.Helper()
	s := &sentry{link: newProxy(w.t, w.redis.Addr)}
	host, port, err := net.SplitHostPort(s.link.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	s.replica = redistest.New(w.t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	rdb := w.redis.Client(w.t)
	w.await("replicated", time.Minute, func() bool {
		n, err := rdb.Wait(w.t.Context(), 1, 100*time.Millisecond).Result()
		return err == nil && n == 1
	})
	l := w.listen("127.0.0.1:0")
	addr := l.Addr().String()
	l.Close()
	_, sentinelPort, _ := net.SplitHostPort(addr)
	host, port, _ = net.SplitHostPort(w.redis.Addr)
	conf := w.file("sentinel.conf", fmt.Sprintf(`port %s
bind 127.0.0.1
dir %s
sentinel monitor main %s %s 1
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 5000
`, sentinelPort, w.dir, host, port))
	cmd := exec.Command("redis-server", conf, "--sentinel")
	log, err := os.Create(filepath.Join(w.dir, "sentinel.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: addr})
	w.t.Cleanup(func() { sentinel.Close() })
	w.await("watched over", time.Minute, func() bool {
		replicas, err := sentinel.Replicas(w.t.Context(), "main").Result()
		return err == nil && len(replicas) == 1 && replicas[0]["flags"] == "slave"
	})
	s.url = "redis-sentinel://" + addr + "/main/0"
	w.env = append(w.env, "SLUICE_REDIS_URL="+s.url)
	return s
}

// cutOff has the replica get nothing more, and returns when, by the sandbox' own
// clock: all that arrived there until then is on the replica.
func (w *world) cutOff(s *sentry) (sinceUS int64) {
	w.t.Helper()
	sinceUS = w.report().LastUS
	if n, err := w.redis.Client(w.t).Wait(w.t.Context(), 1, 5*time.Second).Result(); err != nil || n != 1 {
		w.t.Fatalf("%d replicas, %v", n, err)
	}
	s.link.stall()
	return sinceUS
}

// failOver kills the master. What it had not replicated is lost.
func (w *world) failOver(s *sentry) (untilUS int64) {
	w.t.Helper()
	w.redis.Kill(w.t)
	s.link.cut()
	w.quietFor(100*time.Millisecond, time.Minute)
	w.redis = s.replica
	return w.report().LastUS
}

// judgeLosses holds a campaign against the sandbox' log after a failover: whoever
// was taken twice was first taken between the two times, when the intents were
// lost. It returns how many they are.
func (w *world) judgeLosses(id string, sinceUS, untilUS int64) int {
	w.t.Helper()
	first, times := map[string]int64{}, map[string]int{}
	for _, e := range w.log() {
		if e.Taken {
			if times[e.Phone]++; times[e.Phone] == 1 {
				first[e.Phone] = e.AtUS
			}
		}
	}
	twice := 0
	for phone, n := range times {
		if n < 2 {
			continue
		}
		twice++
		if n > 2 || first[phone] <= sinceUS || first[phone] > untilUS {
			w.t.Errorf("taken %d times, first at %d µs; intents were lost from %d to %d", n, first[phone], sinceUS, untilUS)
		}
	}
	w.judgeRows(id)
	return twice
}

// awaitForgotten sees a campaign halted of which the new master knows less than the
// workers do, with nobody taken twice until somebody resumes it.
func (w *world) awaitForgotten(id string) {
	w.t.Helper()
	if a := w.awaitState(id, "halted", time.Minute); !strings.HasPrefix(a.Reason, "Redis was restored") {
		w.t.Errorf("the reason is %q", a.Reason)
	}
	w.quietFor(time.Second, time.Minute)
	if r := w.report(); r.Duplicates > 0 {
		w.t.Errorf("%d were taken twice before anybody resumed", r.Duplicates)
	}
	w.run("producer", "resume", id)
}

// A failover loses the writes of the last second, which Redis had acknowledged.
// The workers find the new master and halt the campaign. Resumed, it ends; only those
// can get a second message whose intents were lost.
func TestFailoverLosesWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 300", "")
	s := w.watch()
	w.start("worker")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("over", w.list("o.csv", 5000), "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.awaitAccount("over", "under way", time.Minute, func(a account) bool { return a.Accepted > 600 })
	since := w.cutOff(s)
	before := w.report().Taken
	w.await("under way", time.Minute, func() bool { return w.report().Taken > before+300 })
	until := w.failOver(s)
	lost := w.report().Taken - before
	w.awaitForgotten("over")
	a := w.awaitState("over", "finished", time.Minute)
	if a.Accepted+a.InDoubt != 5000 {
		t.Errorf("%+v", a)
	}
	twice := w.judgeLosses("over", since, until)
	t.Logf("%d submissions while nothing was replicated, %d of them made again, %d in doubt", lost, twice, a.InDoubt)
	if twice > lost {
		t.Errorf("%d were taken twice", twice)
	}
}

// With min-replicas-to-write, a master without its replica refuses intents, so
// that what a failover loses is what was submitted within its lag: about two
// seconds, however long the replica was cut off.
func TestFailoverOfMasterThatNeedsItsReplica(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, []string{"--min-replicas-max-lag", "1"}, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 100", "")
	s := w.watch()
	for _, server := range []*redistest.Server{w.redis} {
		if err := server.Client(t).ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
			t.Fatal(err)
		}
	}
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("needs", w.list("n.csv", 1500), "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.awaitAccount("needs", "under way", time.Minute, func(a account) bool { return a.Accepted > 200 })
	since := w.cutOff(s)
	before := w.report().Taken
	w.quietFor(2*time.Second, time.Minute)
	lost := w.report().Taken - before
	until := w.failOver(s)
	w.awaitForgotten("needs")
	w.awaitState("needs", "finished", time.Minute)
	twice := w.judgeLosses("needs", since, until)
	t.Logf("%d submissions until the master refused, %d of them made again", lost, twice)
	if lost > 500 {
		t.Errorf("%d submissions without a replica", lost)
	}
}
