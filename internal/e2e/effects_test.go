package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/sandbox"
)

// callback posts a body to a sender's address, and expects 200.
func (w *world) callback(addr, sender, body string) {
	w.t.Helper()
	resp, err := http.Post("http://"+addr+"/r/"+sender+"/"+receiptSecret, "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", body, resp.Status)
	}
}

// lateFailure is the callback of a message that failed with a code, now.
func lateFailure(phone, id string, code int) string {
	return fmt.Sprintf(`{"statuses":[{"id":%q,"status":"failed","timestamp":"%d","recipient_id":%q,"errors":[{"code":%d,"title":"x"}]}]}`, id, time.Now().Unix(), phone, code)
}

// accountOf is what `status --json` says of the sender's account.
type accountOf struct {
	Warnings []struct{ What, Detail string } `json:"warnings"`
	Pace     struct {
		Factor float64 `json:"factor"`
		Told   int     `json:"day_limit_told"`
	} `json:"pace"`
	Holds []struct{ What string } `json:"holds"`
}

func (w *world) accountOf(id string) (a accountOf) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.run0("producer", "status", id, "--json")), &a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// firstAccepted waits for somebody whom a campaign has reached.
func (w *world) firstAccepted(id string) exported {
	w.t.Helper()
	w.awaitAccount(id, "begun", time.Minute, func(a account) bool { return a.Accepted > 0 })
	for _, r := range w.export(id) {
		if r.State == "accepted" {
			return r
		}
	}
	w.t.Fatal("nobody is accepted")
	return exported{}
}

// Who wants no marketing, by a receipt, gets none from this sender, and all else.
func TestOptOutsKeepMarketingAlone(t *testing.T) {
	t.Parallel()
	const people = 60
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{Delay: 10 * time.Millisecond, Step: 10 * time.Millisecond, Undelivered: 0.4, Code: 131050}, "")
	w.list("list.csv", people)
	w.receiver(addr)
	w.start("worker")
	w.run0("producer", "send", w.nxCampaign("first", "list.csv", ""), "--no-preflight")
	w.awaitState("first", "finished", time.Minute)
	w.judgeReceipts("first", "nxcloud")
	out := w.status("first").Receipts.Undelivered
	if out == 0 || out == people {
		t.Fatalf("%d of %d opted out", out, people)
	}
	// A receipt's effect is done before the receipt is counted.
	if got := w.run0("producer", "suppress", "list", "--sender", "promo-br"); strings.Count(got, "\n") != out {
		t.Errorf("%d opted out, and the list has\n%s", out, got)
	}
	if got := w.run0("producer", "suppress", "list") + w.run0("producer", "suppress", "list", "--sender", "promo-id"); got != "" {
		t.Errorf("on other lists: %s", got)
	}
	w.callbacks(sandbox.Callbacks{})
	w.file("utility.yaml", `id: utility
sender: promo-br
message: {type: template, template: {name: order_update, language: en_US, category: utility, body: ["{{name|friend}}"]}}
recipients: {file: list.csv}
`)
	w.run0("producer", "send", w.nxCampaign("marketing", "list.csv", ""), "--no-preflight")
	w.run0("producer", "send", "utility.yaml", "--no-preflight")
	w.run0("producer", "send", w.innoCampaign("another", "list.csv", ""), "--no-preflight")
	for id, suppressed := range map[string]int{"marketing": out, "utility": 0, "another": 0} {
		a := w.awaitState(id, "finished", time.Minute)
		if a.Suppressed != suppressed || a.Accepted != people-suppressed {
			t.Errorf("%s: %d accepted, %d suppressed; %d had opted out of marketing", id, a.Accepted, a.Suppressed, out)
		}
	}
}

// What a provider says late acts at once: throttling slows the sender down, its
// warnings stand in the status, a limit of 24 hours bounds the day, and a code about the
// account halts.
func TestLateWordsAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{}, ", messages_per_second: 20")
	w.callbacks(sandbox.Callbacks{}) // the sandbox itself sends none
	w.list("list.csv", 2000)
	w.receiver(addr)
	w.start("worker")
	w.run0("producer", "send", w.nxCampaign("nx", "list.csv", ""), "--no-preflight")
	row := w.firstAccepted("nx")
	slowed := false
	await(t, "a late throttling slows the sender down", time.Minute, func() bool {
		rows := w.export("nx")
		for _, r := range rows { // another one each time, until one is seen before the pace is up again
			if r.State == "accepted" && r.Phone != row.Phone && !slowed {
				w.callback(addr, "promo-br", lateFailure(r.Phone, r.MessageID, 130429))
			}
		}
		slowed = slowed || w.accountOf("nx").Pace.Factor < 1
		return slowed
	})
	w.callback(addr, "promo-br", fmt.Sprintf(`{"field":"phone_number_quality_update","value":{"event":"FLAGGED","max_daily_conversations_per_business":"TIER_50","time":%d}}`, time.Now().Unix()))
	await(t, "the status warns of the quality and has the limit", time.Minute, func() bool {
		a := w.accountOf("nx")
		return len(a.Warnings) == 1 && a.Warnings[0].What == "NUMBER_QUALITY" && a.Warnings[0].Detail == "FLAGGED" && a.Pace.Told == 50
	})
	told := w.status("nx").Accepted
	await(t, "the day is used up", time.Minute, func() bool {
		for _, h := range w.accountOf("nx").Holds {
			if h.What == "day" {
				return true
			}
		}
		return false
	})
	if more := w.status("nx").Accepted - told; more > 50+20 { // and what had its slots before
		t.Errorf("%d are accepted since 50 were told", more)
	}
	if text := w.run0("producer", "status", "nx"); !strings.Contains(text, "NUMBER_QUALITY FLAGGED") || !strings.Contains(text, "50 messages in 24 hours") {
		t.Error(text)
	}
	w.callback(addr, "promo-br", lateFailure(row.Phone, row.MessageID, 131042))
	a := w.awaitState("nx", "halted", time.Minute)
	if !strings.Contains(a.Reason, "meta_131042") || !strings.Contains(a.Reason, "producer resume nx") {
		t.Error(a.Reason)
	}
}

// innopaas cannot be asked for a template, and tells of it: one that is paused halts who
// sends it, nobody else, and is refused until it is approved.
func TestTemplateThatIsPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{}, "")
	w.callbacks(sandbox.Callbacks{})
	w.list("list.csv", 500)
	w.receiver(addr)
	w.start("worker")
	w.run0("producer", "send", w.innoCampaign("inno", "list.csv", "rate: {messages_per_second: 5}"))
	w.run0("producer", "send", w.nxCampaign("nx", "list.csv", "rate: {messages_per_second: 5}"), "--no-preflight")
	w.firstAccepted("inno")
	w.firstAccepted("nx")
	event := func(status string) {
		w.callback(addr, "promo-id", fmt.Sprintf(`{"id":"e","type":"whatsapp_template_status_update","eventTime":%q,"body":{"templateName":"plain_news","templateLanguage":"en_US","templateStatus":%q,"reason":""}}`,
			time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), status))
	}
	event("PAUSED")
	if a := w.awaitState("inno", "halted", time.Minute); !strings.Contains(a.Reason, "template_PAUSED") {
		t.Error(a.Reason)
	}
	if a := w.status("nx"); a.State != "running" {
		t.Errorf("nx is %s: %s", a.State, a.Reason)
	}
	again := w.innoCampaign("again", "list.csv", "rate: {messages_per_second: 5}")
	if _, code := w.run("producer", "send", again); code != 2 || !strings.Contains(w.logs.String(), "plain_news (en_US) is PAUSED") {
		t.Errorf("send of a template that is paused: %d", code)
	}
	event("APPROVED")
	await(t, "it is sent once it is approved", time.Minute, func() bool { _, code := w.run("producer", "send", again); return code == 0 })
	w.run0("producer", "resume", "inno")
	before := w.status("inno").Accepted
	w.awaitAccount("inno", "going on", time.Minute, func(a account) bool { return a.Accepted > before })
}

// Of whose last messages too many do not arrive is halted by their receipts, alone, and
// goes on once somebody has resumed it and those that follow arrive.
func TestTooManyUndeliveredHalt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	how := sandbox.Callbacks{Delay: 10 * time.Millisecond, Step: 10 * time.Millisecond, Undelivered: 1, Together: 5}
	addr := w.receiving(how, "")
	how.NXCloud, how.InnoPaaS = "http://"+addr+"/r/promo-br/"+receiptSecret, "http://"+addr+"/r/promo-id/"+receiptSecret
	path := filepath.Join(w.dir, "senders.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w.file("senders.yaml", strings.Replace(string(text), "receipts: {", "receipts: {halt_undelivered: 0.5, ", 1)) // of promo-br
	w.list("list.csv", 40_000)                                                                                    // far more than are sent meanwhile
	w.receiver(addr)
	w.start("worker")
	w.run0("producer", "send", w.innoCampaign("inno", "list.csv", "rate: {messages_per_second: 50}"), "--no-preflight")
	w.run0("producer", "send", w.nxCampaign("nx", "list.csv", "rate: {messages_per_second: 50}"), "--no-preflight")
	a := w.awaitState("nx", "halted", 2*time.Minute)
	if a.Accepted < 200 || !strings.Contains(a.Reason, "halt_undelivered") || !strings.Contains(a.Reason, "producer resume nx") {
		t.Errorf("%d accepted, halted: %s", a.Accepted, a.Reason)
	}
	w.awaitAccount("inno", "as bad, and without a bound", 2*time.Minute, func(a account) bool { return a.Receipts.Undelivered > 250 })
	if a := w.status("inno"); a.State != "running" {
		t.Errorf("inno is %s: %s", a.State, a.Reason)
	}
	w.awaitAccount("nx", "heard of", 2*time.Minute, func(a account) bool { return a.Receipts.Undelivered == a.Accepted })
	how.Undelivered = 0
	w.callbacks(how)
	w.run0("producer", "resume", "nx")
	before := w.status("nx").Receipts.Delivered
	w.awaitAccount("nx", "going on", 2*time.Minute, func(a account) bool {
		if a.State != "running" {
			t.Fatalf("it is %s: %s", a.State, a.Reason)
		}
		return a.Receipts.Delivered > before+400
	})
	for _, id := range []string{"nx", "inno"} {
		w.run0("producer", "cancel", id)
	}
}
