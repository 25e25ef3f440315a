package e2e

import (
	"testing"
	"time"
)

// A provider that takes what it is sent and never answers leaves in doubt what
// was in flight when that was noticed, and then one probe now and then; waiting
// for it costs next to nothing.
func TestProviderNeverAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendersWith("timeout: 5s", "timeout: 4s")
	w.post("/_sandbox/faults", `faults: [{do: unanswered}]`)
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("mute", w.list("m.csv", 5000), "max_attempts: 1")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitLog(`"open":true`, 30*time.Second)
	rdb := w.redis.Client(t)
	before := rdb.Info(t.Context(), "commandstats").Val()
	opened := w.report().Requests
	waiting := time.NewTimer(18 * time.Second) // open, probing, open, probing
	<-waiting.C
	after := rdb.Info(t.Context(), "commandstats").Val()
	probes := w.report().Requests - opened
	spun := calls(t, after, "evalsha") - calls(t, before, "evalsha")
	t.Logf("%d submissions before the breaker opened, %d probes and %d scripts in 18 s", opened, probes, spun)
	w.post("/_sandbox/faults", "")
	w.awaitState("mute", "finished", time.Minute)
	w.judge("mute")
}
