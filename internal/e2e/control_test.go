package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// quietFor waits until nothing has arrived for d.
func (w *world) quietFor(d, within time.Duration) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	seen, since := w.report().Requests, time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for time.Since(since) < d {
		if time.Now().After(deadline) {
			w.t.Fatalf("submissions still arrive after %s", within)
		}
		<-tick.C
		if n := w.report().Requests; n != seen {
			seen, since = n, time.Now()
		}
	}
}

// Pause and cancel under load hold within a second, lose nobody, and send nobody
// twice.
func TestPauseResumeCancelUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 2000", "")
	w.start("worker")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("load", w.list("load.csv", 30_000), "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.awaitAccount("load", "under way", time.Minute, func(a account) bool { return a.Accepted > 2000 })
	for range 2 {
		if _, code := w.run("producer", "pause", "load"); code != 0 {
			t.Fatal("pause failed")
		}
		paused := time.Now()
		w.quietFor(time.Second, 3*time.Second)
		t.Logf("quiet %s after the pause, at the latest", time.Since(paused)-time.Second)
		if quiet := time.Since(paused) - time.Second; quiet > time.Second {
			t.Errorf("submissions went on for %s after the pause", quiet)
		}
		if a := w.status("load"); a.State != "paused" || a.Pending == 0 {
			t.Fatalf("%+v", a)
		}
		before := w.status("load").Accepted
		w.run("producer", "resume", "load")
		w.awaitAccount("load", "going on", time.Minute, func(a account) bool { return a.Accepted > before+2000 })
	}
	if _, code := w.run("producer", "cancel", "load"); code != 0 {
		t.Fatal("cancel failed")
	}
	cancelled := time.Now()
	w.quietFor(time.Second, 3*time.Second)
	if quiet := time.Since(cancelled) - time.Second; quiet > time.Second {
		t.Errorf("submissions went on for %s after the cancel", quiet)
	}
	a := w.awaitAccount("load", "settled", time.Minute, func(a account) bool { return a.Accepted == w.report().Taken })
	if a.State != "cancelled" || a.Cancelled == 0 || a.InDoubt != 0 {
		t.Errorf("%+v", a)
	}
	w.judge("load")
	if _, code := w.run("producer", "resume", "load"); code == 0 {
		t.Error("a cancelled campaign was resumed")
	}
}

// A balance that runs out in the middle halts the campaign, loses nobody, and
// resume finishes it after the top-up.
func TestBalanceRunsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/balance?left=3000", "")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("poor", w.list("poor.csv", 10_000), ""), "--wait"); code != 1 {
		t.Fatalf("exit code %d", code)
	}
	a := w.awaitAccount("poor", "halted with all settled", time.Minute, func(a account) bool { return a.State == "halted" && a.Accepted == 3000 })
	if !strings.HasPrefix(a.Reason, "22125") || !strings.Contains(a.Reason, "top up") || !strings.Contains(a.Reason, "producer resume poor") {
		t.Errorf("reason %q", a.Reason)
	}
	if refused := w.report().Codes["22125"]; refused > 64+256 {
		t.Errorf("%d submissions after the balance had run out", refused)
	}
	w.post("/_sandbox/balance?left=-1", "")
	if _, code := w.run("producer", "resume", "poor"); code != 0 {
		t.Fatal("resume failed")
	}
	w.awaitState("poor", "finished", time.Minute)
	w.judge("poor")
}

// What the template does not fit is refused with exit code 2, and nothing of
// it is in Redis.
func TestPreflightRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list("p.csv", 3)
	template := func(text string) string {
		return fmt.Sprintf("id: refused\nsender: promo-br\nmessage: {type: template, template: %s}\nrecipients: {file: p.csv}\n", text)
	}
	rdb := w.redis.Client(t)
	for name, tt := range map[string]struct{ text, want string }{
		"paused":                {"{name: paused_promo, language: en_US}", "PAUSED"},
		"rejected":              {"{name: rejected_promo, language: en_US}", "INVALID_FORMAT"},
		"a variable is missing": {"{name: order_update, language: en_US}", "body"},
		"wrong language":        {`{name: order_update, language: pt_BR, body: ["x"]}`, "en_US"},
		"no such template":      {"{name: order_updates, language: en_US}", "order_update"},
		"url without a value": {
			`{name: spring_sale, language: pt_BR, header: {image: "https://cdn.example.com/a.jpg"}, body: ["a", "b"], buttons: [{index: 1, copy_code: "X"}]}`, "button",
		},
	} {
		before := len(w.logs.String())
		w.file("refused.yaml", template(tt.text))
		_, code := w.run("producer", "send", "refused.yaml")
		said := w.logs.String()[before:]
		if code != 2 || !strings.Contains(said, tt.want) {
			t.Errorf("%s: exit code %d, said %q, want %q in it", name, code, said, tt.want)
		}
		// But for the number of the schema, by which every program knows its Redis.
		if written := rdb.Keys(t.Context(), "*").Val(); len(written) > 1 || len(written) == 1 && written[0] != "sluice:schema" {
			t.Errorf("%s: %q were written", name, written)
		}
	}
	w.file("refused.yaml", template("{name: paused_promo, language: en_US}"))
	if _, code := w.run("producer", "send", "refused.yaml", "--no-preflight"); code != 0 {
		t.Errorf("--no-preflight: exit code %d", code)
	}
}

// A template that is paused while its campaign runs halts it.
func TestTemplatePausedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker", "--preflight-every", "200ms")
	if _, code := w.run("producer", "send", w.nxCampaign("meanwhile", w.list("m.csv", 5000), "rate: {messages_per_second: 50}")); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	w.awaitAccount("meanwhile", "under way", time.Minute, func(a account) bool { return a.Accepted > 10 })
	w.post("/_sandbox/template?name=order_update&status=PAUSED", "")
	a := w.awaitState("meanwhile", "halted", time.Minute)
	if !strings.Contains(a.Reason, "paused") && !strings.Contains(a.Reason, "PAUSED") {
		t.Errorf("reason %q", a.Reason)
	}
}

// Suppressed numbers get nothing: those known at the import, those that come
// later, and those who opt out.
func TestSuppression(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", fmt.Sprintf(`faults: [{phone: "%s", code: "22141", message: "(#131050) stopped"}]`, phone(0)))
	var list strings.Builder
	list.WriteString("phone,name\n")
	for i := range 1000 {
		if i == 902 {
			list.WriteString("5511987654321,as planned\n5215512345678,as reported\n5491123456789,as planned\n")
		}
		fmt.Fprintf(&list, "%s,n\n", phone(i))
	}
	w.file("s.csv", list.String())
	if _, code := w.run("producer", "suppress", "add", "+"+phone(10), phone(11)); code != 0 {
		t.Fatal("suppress add failed")
	}
	w.file("more.csv", "phone\n"+phone(12)+"\n"+phone(10)+"\nx\n")
	if out, code := w.run("producer", "suppress", "import", "more.csv"); code != 0 || !strings.Contains(out, "1 numbers suppressed, 1 rows invalid") {
		t.Fatalf("suppress import: %d %s", code, out)
	}
	if _, code := w.run("producer", "send", w.nxCampaign("kind", "s.csv", "rate: {messages_per_second: 200}")); code != 0 {
		t.Fatal("send failed")
	}
	if a := w.status("kind"); a.Suppressed != 3 || a.Pending != 1000 {
		t.Errorf("%+v", a)
	}
	w.run("producer", "suppress", "add", phone(900))
	w.start("worker")
	w.awaitAccount("kind", "under way", time.Minute, func(a account) bool { return a.Accepted > 50 })
	w.run("producer", "suppress", "add", phone(901), "551187654321", "525512345678", "541123456789") // and three in their other spelling
	w.awaitState("kind", "finished", time.Minute)
	rows := w.export("kind")
	for _, i := range []int{10, 11, 12, 900, 901, 902, 903, 904} {
		if rows[i].State != "suppressed" {
			t.Errorf("row %d is %s", i+1, rows[i].State)
		}
	}
	w.judge("kind")
	out, _ := w.run("producer", "suppress", "list")
	if strings.Contains(out, phone(0)) || strings.Count(out, "\n") != 8 {
		t.Errorf("the list after an opt-out:\n%s", out)
	}
	out, _ = w.run("producer", "suppress", "list", "--sender", "promo-br")
	if out != phone(0)+"\n" {
		t.Errorf("the sender's list after an opt-out:\n%s", out)
	}
	if out, _ := w.run("producer", "suppress", "remove", "--sender", "promo-br", phone(0), phone(999)); !strings.Contains(out, "1 of 2") {
		t.Error(out)
	}
}

// Somebody whose first attempt failed is put on the list before the second.
func TestSuppressedBeforeTheRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", fmt.Sprintf(`faults: [{phone: "%s", code: "22041", times: 1}]`, phone(0)))
	w.start("worker", "--retry-base", "500ms")
	if _, code := w.run("producer", "send", w.nxCampaign("regret", w.list("r.csv", 400), "rate: {messages_per_second: 100}")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitReport("the first attempt", time.Minute, func(r report) bool { return r.Codes["22041"] == 1 })
	w.run("producer", "suppress", "add", phone(0))
	w.awaitState("regret", "finished", time.Minute)
	if row := w.export("regret")[0]; row.State != "suppressed" {
		t.Errorf("they are %s", row.State)
	}
	if w.taken()[phone(0)] {
		t.Error("they were sent to")
	}
	w.judge("regret")
}

// The code 1002 is everybody's where ten in a row have it, and costs nobody their
// place then; else it is that of one row, the first too.
func TestParameterErrorAtFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{every: 1, code: "1002"}]`)
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("odd", w.list("o.csv", 500), "")); code != 0 {
		t.Fatal("send failed")
	}
	if a := w.awaitState("odd", "halted", time.Minute); a.Pending != 500 || !strings.HasPrefix(a.Reason, "1002") {
		t.Errorf("recipients were lost: %+v", a)
	}
	w.post("/_sandbox/faults", fmt.Sprintf(`faults: [{phone: "%s", code: "1002"}]`, phone(499)))
	w.run("producer", "resume", "odd")
	if a := w.awaitState("odd", "finished", time.Minute); a.Accepted != 499 || a.Codes["1002"] != 1 {
		t.Errorf("%+v", a)
	}

	w.post("/_sandbox/faults", fmt.Sprintf(`faults: [{phone: "%s", code: "1002"}]`, phone(500)))
	if _, code := w.run("producer", "send", w.nxCampaign("first", w.listFrom("f.csv", 500, 500), ""), "--wait"); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if a := w.status("first"); a.Accepted != 499 || a.Codes["1002"] != 1 {
		t.Errorf("%+v", a)
	}
	w.judge("odd", "first")
}

// Outside its window a campaign submits nothing, and status says when it goes on.
func TestWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	w.list("w.csv", 50)
	shut := time.Now().UTC().Add(3 * time.Hour)
	window := fmt.Sprintf("window: {from: %q, to: %q, timezone: UTC}", shut.Format("15:04"), shut.Add(time.Hour).Format("15:04"))
	if _, code := w.run("producer", "send", w.nxCampaign("shut", "w.csv", window)); code != 0 {
		t.Fatal("send failed")
	}
	if _, code := w.run("producer", "send", w.nxCampaign("open", "w.csv", fmt.Sprintf("window: {from: %q, to: %q, timezone: UTC}",
		time.Now().UTC().Add(-time.Hour).Format("15:04"), shut.Format("15:04"))), "--wait"); code != 0 {
		t.Fatal("send failed")
	}
	out, _ := w.run("producer", "status", "shut", "--json")
	if !strings.Contains(out, `"goes_on_at":"`+shut.Format("2006-01-02T15:04")) || !strings.Contains(out, `"pending":50`) {
		t.Error(out)
	}
}

// In doubt is resolved by a person, and verify agrees before and after.
func TestResolveAndVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{suffix: "5", times: 1, status: 500, body: "<html>"}]`)
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("doubt", w.list("d.csv", 2000), ""), "--wait"); code != 3 {
		t.Fatalf("exit code %d", code)
	}
	if a := w.status("doubt"); a.InDoubt != 200 {
		t.Fatalf("%+v", a)
	}
	if out, code := w.run("producer", "verify", "doubt"); code != 0 {
		t.Fatalf("verify: %d %s", code, out)
	}
	// A word for some of them: by number and by row.
	var doubts []exported
	for _, e := range w.export("doubt") {
		if e.State == "in_doubt" {
			doubts = append(doubts, e)
		}
	}
	decisions := w.file("decisions.csv", fmt.Sprintf("row;phone;choice;note\n;+%s;reject;a\n;+%s;reject;\n%d;;reject;\n%d;%s;resend;\n1;;reject;was accepted\n",
		doubts[0].Phone, doubts[1].Phone, doubts[2].Row, doubts[3].Row, doubts[3].Phone))
	if out, code := w.run("producer", "resolve", "doubt", "--file", decisions); code != 0 ||
		!strings.Contains(out, "3 recipients in doubt resolved to reject; 1 recipients in doubt resolved to resend; 1 decisions are about nobody") {
		t.Fatalf("resolve --file: %d %s", code, out)
	}
	w.awaitAccount("doubt", "four decided", time.Minute, func(a account) bool { return a.InDoubt == 196 && a.Rejected == 3 && a.Accepted == 1801 })
	if out, code := w.run("producer", "resolve", "doubt"); code != 2 {
		t.Errorf("resolve without a word: %d %s", code, out)
	}
	for range 2 { // idempotent
		if out, code := w.run("producer", "resolve", "doubt", "--in-doubt", "resend"); code != 0 {
			t.Fatalf("resolve: %d %s", code, out)
		}
	}
	a := w.awaitAccount("doubt", "finished again", time.Minute, func(a account) bool { return a.State == "finished" && a.Pending == 0 })
	if a.Accepted != 1997 || a.Rejected != 3 {
		t.Errorf("%+v", a)
	}
	if out, code := w.run("producer", "verify", "doubt"); code != 0 {
		t.Fatalf("verify: %d %s", code, out)
	}
	w.judge("doubt")
}

// A queue that was lost is rebuilt from the ledger.
func TestLostQueueIsRebuilt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, code := w.run("producer", "send", w.nxCampaign("lost", w.list("l.csv", 3000), "")); code != 0 {
		t.Fatal("send failed")
	}
	rdb := w.redis.Client(t)
	keys := rdb.Keys(t.Context(), "asynq:{"+queueOf("lost")+"}:*").Val()
	if len(keys) == 0 || rdb.Del(t.Context(), keys...).Err() != nil {
		t.Fatalf("%d keys of the queue", len(keys))
	}
	w.start("worker")
	w.awaitState("lost", "finished", time.Minute)
	w.judge("lost")
}

// The queue's web UI shows the campaign as its own queue, and refuses an address
// that others could reach.
func TestMonitor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("shown", w.list("m.csv", 1000), ""), "--wait"); code != 0 {
		t.Fatal("send failed")
	}
	p := w.start("producer", "monitor", "--addr", "127.0.0.1:0")
	addr := regexp.MustCompile(`http://\S+`).FindString(p.awaitLine(regexp.MustCompile(`http://`)))
	get := func(method, path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if _, body := get("GET", "/api/queues"); !strings.Contains(body, `"queue":"sluice:shown"`) {
		t.Error(body)
	}
	if _, body := get("GET", "/api/queues/sluice:shown/completed_tasks"); !strings.Contains(body, "accepted 1000") {
		t.Error(body)
	}
	if code, _ := get("DELETE", "/api/queues/sluice:shown"); code < 400 {
		t.Errorf("the read-only page let a queue be deleted: %d", code)
	}
	// A browser here is made to ask it by a foreign page: under a name of that
	// page's own, or for a change.
	open := w.start("producer", "monitor", "--addr", "127.0.0.1:0", "--allow-changes", "--host", "monitor.example.com")
	addr = regexp.MustCompile(`http://\S+`).FindString(open.awaitLine(regexp.MustCompile(`http://`)))
	for _, tt := range []struct {
		host, origin string
		want         int
	}{
		{"", "", 204},
		{"", addr, 204},
		{"monitor.example.com", "https://monitor.example.com", 204},
		{"", "https://evil.example.com", 403},
		{"evil.example.com", "https://evil.example.com", 421},
	} {
		for _, method := range []string{"GET", "POST"} {
			path, want := "/api/redis_info", tt.want
			if method == "POST" {
				path = "/api/queues/sluice:shown:pause"
			} else if want == 204 || want == 403 {
				want = 200 // a foreign page may ask, and cannot read the answer
			}
			req, err := http.NewRequestWithContext(t.Context(), method, addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = tt.host
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s %s as %q from %q: HTTP %d; want %d", method, path, tt.host, tt.origin, resp.StatusCode, want)
			}
			if method == "POST" && resp.StatusCode == 204 {
				if err := w.redis.Client(t).Del(t.Context(), "asynq:{sluice:shown}:paused").Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, code := w.run("producer", "monitor", "--addr", "0.0.0.0:8980"); code != 2 {
		t.Errorf("exit code %d for an address that others reach", code)
	}
}
