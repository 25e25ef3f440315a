package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

var serving = regexp.MustCompile(`"addr":"([0-9.:]+)"[^\n]*"serving metrics"`)

// served is where the one worker of this world serves its figures and health.
func (w *world) served() string {
	w.t.Helper()
	w.awaitLog("serving metrics", time.Minute)
	m := serving.FindStringSubmatch(w.logs.String())
	if m == nil {
		w.t.Fatalf("the log does not say where\n%s", w.logs.tail(4000))
	}
	return "http://" + m[1]
}

func (w *world) get(url string) (status int, body string) {
	w.t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// awaitHealth asks until the answer is as wanted.
func (w *world) awaitHealth(url string, status int, words string) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got, body := w.get(url)
		if got == status && strings.Contains(body, words) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s says %d %q, want %d %q", url, got, body, status, words)
		}
		<-tick.C
	}
}

// A worker whose Redis is gone is not ready and says why. It is healthy all the
// same: to start it again would not bring Redis back.
func TestHealthWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker", "--metrics-addr", "127.0.0.1:0")
	at := w.served()
	w.awaitHealth(at+"/readyz", http.StatusOK, "ok")
	w.redis.Kill(t)
	w.awaitHealth(at+"/readyz", http.StatusServiceUnavailable, "redis does not answer: nothing is submitted until it does")
	w.awaitHealth(at+"/healthz", http.StatusOK, "ok")
	w.redis.Start(t)
	w.awaitHealth(at+"/readyz", http.StatusOK, "ok")
	w.awaitHealth(at+"/healthz", http.StatusOK, "ok")
}

// What a worker says of a campaign at /metrics is what the account says.
func TestFiguresAgreeWithTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{suffix: "5", times: 1, status: 500, body: "<html>"}]`)
	w.start("worker", "--metrics-addr", "127.0.0.1:0")
	at := w.served()
	if _, code := w.run("producer", "send", w.nxCampaign("figures", w.list("f.csv", 20), ""), "--wait"); code != 3 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	if a := w.status("figures"); a.Accepted != 18 || a.InDoubt != 2 {
		t.Fatalf("%+v", a)
	}
	_, text := w.get(at + "/metrics")
	for _, line := range []string{
		`sluice_recipients_submitted_total{class="none",outcome="accepted",sender="promo-br"} 18`,
		`sluice_recipients_submitted_total{class="http",outcome="unknown",sender="promo-br"} 2`,
		`sluice_recipients_submitted_total{class="none",outcome="accepted",sender="promo-id"} 0`,
		`sluice_submission_duration_seconds_count{sender="promo-br"} 20`,
		`sluice_submissions_in_flight{sender="promo-br"} 0`,
		`sluice_recipients_in_doubt_total 2`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
}
