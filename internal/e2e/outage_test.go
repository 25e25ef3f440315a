package e2e

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var outage = flag.Duration("attack.outage", 12*time.Second, "how long the provider is away; five minutes are worth a try")

// An outage of the provider costs nobody their attempts: the circuit breaker
// opens, single submissions probe, and the campaign ends by itself.
func TestProviderOutage(t *testing.T) {
	t.Parallel()
	const workers = 2
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 1000", "")
	for range workers {
		w.start("worker", "--retry-base", "100ms", "--retry-max", "300ms")
	}
	if _, code := w.run("producer", "send", w.nxCampaign("outage", w.list("o.csv", 6000), "max_attempts: 1")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("outage", "under way", time.Minute, func(a account) bool { return a.Accepted > 300 })
	w.post("/_sandbox/faults", `faults: [{status: 503, body: "<html>down</html>"}]`)
	down := time.NewTimer(*outage)
	<-down.C
	probes := w.report().Codes["http 503"]
	w.post("/_sandbox/faults", "")
	a := w.awaitState("outage", "finished", 2*time.Minute)
	t.Logf("%d submissions met the outage of %s", probes, *outage)
	if a.Accepted != 6000 {
		t.Errorf("the outage cost somebody: %+v", a)
	}
	// Those in flight when it began, the run that opens the breaker, the probes.
	if most := workers * (64/workers + 10 + int(*outage/(5*time.Second)) + 1); probes > most {
		t.Errorf("%d submissions in an outage of %s, %d are enough", probes, *outage, most)
	}
	w.judge("outage")
}

// Nor does it where so few are left that they would use up all their attempts
// before the breaker opens.
func TestOutageOfASmallCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{status: 503, body: "<html>down</html>"}]`)
	w.start("worker", "--retry-base", "100ms", "--retry-max", "300ms")
	if _, code := w.run("producer", "send", w.nxCampaign("small", w.list("s.csv", 2), "max_attempts: 1")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitLog(`"open":true,"code":"http_503"`, time.Minute)
	w.post("/_sandbox/faults", "")
	if a := w.awaitState("small", "finished", time.Minute); a.Accepted != 2 {
		t.Errorf("the outage cost somebody: %+v", a)
	}
	w.judge("small")
}

// A provider that takes what it is sent and never answers leaves in doubt what
// was in flight when that was noticed, and then one probe now and then; waiting
// for it costs Redis next to nothing.
func TestProviderNeverAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendersWith("timeout: 5s", "timeout: 3s")
	w.post("/_sandbox/faults", `faults: [{do: unanswered}]`)
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("mute", w.list("m.csv", 5000), "max_attempts: 1")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitLog(`"open":true,"code":"timeout"`, time.Minute)
	w.quietFor(time.Second, time.Minute) // what took the places of the first that failed is on its way yet
	rdb := w.redis.Client(t)
	before, opened := rdb.Info(t.Context(), "commandstats").Val(), w.report().Requests
	waiting := time.NewTimer(10 * time.Second) // open, probing, open
	<-waiting.C
	spun := calls(t, rdb.Info(t.Context(), "commandstats").Val(), "evalsha") - calls(t, before, "evalsha")
	probes := w.report().Requests - opened
	t.Logf("%d submissions before the breaker opened; %d probes and %d scripts in 10 s", opened, probes, spun)
	if opened > 64+16 || probes == 0 || probes > 4 || spun > 1000 {
		t.Error("that is not what a breaker is for")
	}
	w.post("/_sandbox/faults", "")
	a := w.awaitState("mute", "finished", time.Minute)
	if unanswered := w.report().Codes["unanswered"]; a.InDoubt != unanswered || a.Accepted != 5000-unanswered {
		t.Errorf("%d were never answered: %+v", unanswered, a)
	}
	w.judge("mute")
}

// A provider whose submissions hold a thousand recipients is probed with one.
func TestProbeIsAboutOneRecipient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{status: 502, body: "<html>bad gateway</html>"}]`)
	w.start("worker")
	if _, code := w.run("producer", "send", w.innoCampaign("thousands", w.list("t.csv", 40_000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitLog(`"open":true,"code":"http_502"`, time.Minute)
	w.quietFor(time.Second, time.Minute)
	before := w.report()
	r := w.awaitReport("the next probe", time.Minute, func(r report) bool { return r.Requests > before.Requests })
	if r.Messages-before.Messages != r.Requests-before.Requests {
		t.Errorf("%d probes were about %d recipients", r.Requests-before.Requests, r.Messages-before.Messages)
	}
	w.post("/_sandbox/faults", "")
	w.awaitState("thousands", "finished", time.Minute)
	w.judge("thousands")
}

// While the provider is out of reach nothing is ever written to it: nobody is in
// doubt, nobody loses an attempt, and log and status say why.
func TestProviderOutOfReach(t *testing.T) {
	t.Parallel()
	for code, tt := range map[string]struct {
		says string
		// apart takes the provider out of reach, and returns how to bring it back.
		apart func(w *world) (back func())
	}{
		"tls": {"certificate", func(w *world) func() {
			f := w.newFront(func(int64) bool { return true })
			return func() { good := func(int64) bool { return false }; f.expired.Store(&good) }
		}},
		"refused": {"nothing listens", func(w *world) func() {
			l, srv := w.listen("127.0.0.1:0"), w.proxy()
			addr := l.Addr().String()
			l.Close()
			w.sendersWith(w.sandbox, "http://"+addr)
			return func() { go srv.Serve(w.listen(addr)) }
		}},
		// A name with an empty label has no address anywhere, and no server is asked.
		"dns": {"host name has no address", func(w *world) func() {
			w.sendersWith(w.sandbox, "http://api..example.com")
			return nil
		}},
	} {
		for size, rows := range map[string]int{"small": 2, "large": 1200} {
			t.Run(code+" "+size, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				senders := readFile(t, w.dir+"/senders.yaml")
				back := tt.apart(w)
				file := w.nxCampaign("apart", w.list("a.csv", rows), "max_attempts: 1")
				before := len(w.logs.String())
				if _, exit := w.run("producer", "send", file); exit != 1 || !strings.Contains(w.logs.String()[before:], tt.says) {
					t.Errorf("send without a look at the templates: exit code %d, said %q", exit, w.logs.String()[before:])
				}
				p := w.start("worker", "--retry-base", "100ms", "--retry-max", "300ms")
				if _, exit := w.run("producer", "send", file, "--no-preflight"); exit != 0 {
					t.Fatal("send failed")
				}
				w.awaitLog(`"open":true,"code":"`+code+`","meaning":"`, time.Minute)
				if out, _ := w.run("producer", "status", "apart"); !strings.Contains(out, tt.says) {
					t.Errorf("status says nothing of it:\n%s", out)
				}
				if a := w.status("apart"); a.Pending != rows || a.State != "running" || w.report().Requests != 0 {
					t.Errorf("%+v", a)
				}
				if back != nil {
					back()
				} else { // a worker with another senders file
					p.stop(20 * time.Second)
					w.file("senders.yaml", senders)
					w.start("worker")
				}
				w.awaitState("apart", "finished", time.Minute)
				for _, row := range w.export("apart") {
					if row.State != "accepted" || row.Attempts != 1 {
						t.Fatalf("row %d is %s after %d attempts", row.Row, row.State, row.Attempts)
					}
				}
				w.judge("apart")
			})
		}
	}
}

// A provider that comes and goes, every second connection failing before
// anything is written, costs nobody an attempt.
func TestProviderFlaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.newFront(func(n int64) bool { return n%2 == 1 })
	w.sendersWith("in_flight: 64", "in_flight: 4, messages_per_second: 100")
	w.start("worker", "--retry-base", "50ms", "--retry-max", "100ms")
	if _, code := w.run("producer", "send", w.nxCampaign("flaps", w.list("f.csv", 200), "max_attempts: 1"), "--no-preflight", "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	if n := f.handshakes.Load(); n < 350 {
		t.Errorf("%d handshakes for 200 submissions: it did not flap", n)
	}
	w.judge("flaps")
}

// A provider that throttles for a while, with a word on how long or without,
// gets fewer and fewer submissions, and costs nobody an attempt; also where the
// sender has no limit of its own.
func TestProviderThrottlesForAWhile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limits, fault string
		rows, most    int // most submissions that it refuses in 3 s
	}{
		"limit":                 {", messages_per_second: 400", `{status: 429, body: "<html>slow down</html>"}`, 1200, 600},
		"no limit, Retry-After": {"", `{status: 429, retry_after: "2"}`, 4000, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--latency", "20ms")
			w.writeSenders(tt.limits, "")
			w.start("worker")
			w.start("worker")
			if _, code := w.run("producer", "send", w.nxCampaign("slow", w.list("s.csv", tt.rows), "max_attempts: 1")); code != 0 {
				t.Fatal("send failed")
			}
			w.awaitAccount("slow", "under way", time.Minute, func(a account) bool { return a.Accepted > 200 })
			w.post("/_sandbox/faults", "faults: ["+tt.fault+"]")
			throttling := time.NewTimer(3 * time.Second)
			<-throttling.C
			refused := w.report().Codes["http 429"]
			t.Logf("%d refused in 3 s", refused)
			if refused > tt.most {
				t.Errorf("%d refused in 3 s, %d are enough", refused, tt.most)
			}
			w.post("/_sandbox/faults", "")
			if a := w.awaitState("slow", "finished", time.Minute); a.Accepted != tt.rows {
				t.Errorf("throttling cost somebody: %+v", a)
			}
			w.judge("slow")
		})
	}
}
