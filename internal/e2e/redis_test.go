package e2e

import (
	"testing"
	"time"
)

// startVia starts a program whose way to Redis is the proxy.
func (w *world) startVia(p *proxy, name string, args ...string) *process {
	w.t.Helper()
	was := w.env
	defer func() { w.env = was }()
	w.env = append(w.env[:len(w.env):len(w.env)], "SLUICE_REDIS_URL="+p.url())
	return w.start(name, args...)
}

// Redis executes a command and its answer is lost, at each step: the claim of a
// batch, the intent, the slot, the outcome with its summary, the release, the
// end of the campaign, the queue's acknowledgement. Each is asked again, counts
// once, and leaves nobody in doubt.
func TestRedisAnswersLost(t *testing.T) {
	t.Parallel()
	r := dice(t)
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 1500", "")
	p := newProxy(t, w.redis.Addr)
	lost := map[string]int{}
	p.attacks(func(c command) fate {
		step := c.step()
		if step == "" || step == "dequeue" || lost[step] > 0 && r.IntN(8) > 0 {
			return passes
		}
		lost[step]++
		return lostAnswer
	})
	w.startVia(p, "worker", "--hand-back", "1s")
	w.startVia(p, "worker", "--hand-back", "1s")
	if _, code := w.run("producer", "send", w.nxCampaign("unheard", w.list("u.csv", 5000), "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	a := w.awaitState("unheard", "finished", 2*time.Minute)
	if a.Accepted != 5000 {
		t.Errorf("lost answers cost somebody: %+v", a)
	}
	w.judge("unheard")
	if out, code := w.run("producer", "verify", "unheard"); code != 0 {
		t.Errorf("verify: %d\n%s", code, out)
	}
	p.attacks(nil)
	t.Logf("answers lost: %v", lost)
	for _, step := range []string{"claim", "begin", "slot", "settle and begin", "settle and summary", "release", "finish", "acknowledgement"} {
		if lost[step] == 0 {
			t.Errorf("no answer to %s was lost", step)
		}
	}
}

// Every connection is cut five times a second, for seconds.
func TestRedisCutAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 1000", "")
	p := newProxy(t, w.redis.Addr)
	w.startVia(p, "worker")
	w.startVia(p, "worker")
	if _, code := w.run("producer", "send", w.nxCampaign("cut", w.list("c.csv", 4000), "")); code != 0 {
		t.Fatal("send failed")
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 20 {
		<-tick.C
		p.cut()
	}
	a := w.awaitState("cut", "finished", 3*time.Minute)
	t.Logf("%d in doubt", a.InDoubt)
	if a.Accepted != 4000 {
		t.Errorf("%+v", a)
	}
	w.judge("cut")
}

// Redis is far away: every answer takes 300 ms. The slots are asked for
// early enough all the same, and the pace is kept.
func TestRedisAnswersLate(t *testing.T) { // beside no other, as TestPaceOfRealWorkers
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 100", "")
	p := newProxy(t, w.redis.Addr)
	p.slow(300 * time.Millisecond)
	w.startVia(p, "worker")
	w.startVia(p, "worker")
	if _, code := w.run("producer", "send", w.nxCampaign("far", w.list("f.csv", 150), "")); code != 0 {
		t.Fatal("send failed")
	}
	if a := w.awaitState("far", "finished", 2*time.Minute); a.Accepted != 150 {
		t.Errorf("%+v", a)
	}
	r := w.report()
	t.Logf("most in a second %.1f %%, average %.1f %% of the limit", float64(r.MaxPerSecond), r.AveragePerSecond)
	if r.MaxPerSecond > 103 {
		t.Errorf("%d messages in one second, the limit is 100", r.MaxPerSecond)
	}
	w.judge("far")
}

// Nothing goes through for longer than the signs of life last, no connection
// breaks, and then all that was on its way arrives at once, late.
func TestRedisBlackHole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		alone bool // another worker still reaches Redis, and takes over
	}{{"for all", false}, {"for one", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--latency", "30ms")
			w.writeSenders(", messages_per_second: 500", "")
			p := newProxy(t, w.redis.Addr)
			held := w.startVia(p, "worker")
			if _, code := w.run("producer", "send", w.nxCampaign("hole", w.list("h.csv", 5000), "")); code != 0 {
				t.Fatal("send failed")
			}
			w.awaitAccount("hole", "under way", time.Minute, func(a account) bool { return a.Accepted > 500 })
			if !tt.alone {
				w.startVia(p, "worker")
				w.awaitAccount("hole", "shared", time.Minute, func(a account) bool { return a.Accepted > 1500 })
			}
			owned := w.ownedBy(held)
			p.stall()
			if len(owned) == 0 {
				t.Fatal("the worker had no batch")
			}
			if tt.alone {
				w.start("worker")
				took := w.awaitTakenOver(owned, time.Now())
				t.Logf("taken over after %s", took.Round(100*time.Millisecond))
			} else {
				w.quietFor(8*time.Second, time.Minute)
			}
			p.resume()
			since := time.Now()
			a := w.awaitState("hole", "finished", 2*time.Minute)
			t.Logf("finished %s later, %d in doubt", time.Since(since).Round(100*time.Millisecond), a.InDoubt)
			// The intents of what was begun and not heard of: a chunk a batch.
			if a.Accepted+a.InDoubt != 5000 || a.InDoubt > 64 {
				t.Errorf("%+v", a)
			}
			w.judge("hole")
		})
	}
}
