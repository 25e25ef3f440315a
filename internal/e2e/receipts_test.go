package e2e

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/sandbox"
)

const receiptSecret = "a-secret-of-some-length"

// receiving gives the senders receipts, and the sandbox their addresses at a port
// that stays the same for each receiver.
func (w *world) receiving(how sandbox.Callbacks, nxLimits string) (addr string) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	w.writeSenders(nxLimits, "")
	path := filepath.Join(w.dir, "senders.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.file("senders.yaml", strings.ReplaceAll(string(text), "    timeout: 5s\n", "    timeout: 5s\n    receipts: {secret: "+receiptSecret+"}\n"))
	how.NXCloud = "http://" + addr + "/r/promo-br/" + receiptSecret
	how.InnoPaaS = "http://" + addr + "/r/promo-id/" + receiptSecret
	w.callbacks(how)
	return addr
}

func (w *world) callbacks(how sandbox.Callbacks) {
	w.t.Helper()
	body, err := json.Marshal(how)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.Post(w.sandbox+"/_sandbox/callbacks", "application/json", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatal(resp.Status)
	}
}

// receiver starts a receiver and waits until it answers.
func (w *world) receiver(addr string, args ...string) *process {
	w.t.Helper()
	p := w.start("receiver", append([]string{"--addr", addr, "--dir", filepath.Join(w.dir, "spool")}, args...)...)
	await(w.t, "the receiver answers", time.Minute, func() bool {
		resp, err := http.Get("http://" + addr + "/r/promo-br/" + receiptSecret)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// await waits until something holds.
func await(t testing.TB, what string, within time.Duration, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it does not hold after %s that %s", within, what)
		}
	}
}

// told is what the sandbox' callbacks said that were answered 200, and how many are
// still on their way.
func (w *world) told() (all []sandbox.Told, untold int) {
	w.t.Helper()
	resp, err := http.Get(w.sandbox + "/_sandbox/told")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	untold, err = strconv.Atoi(resp.Header.Get("Untold"))
	if err != nil {
		w.t.Fatal(err)
	}
	s := bufio.NewScanner(resp.Body)
	for s.Scan() {
		var one sandbox.Told
		if err := json.Unmarshal(s.Bytes(), &one); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, one)
	}
	return all, untold
}

var ranks = map[string]int{"": 0, "sent": 1, "undelivered": 2, "failed": 2, "delivered": 3, "read": 4}

// judgeReceipts holds export and funnel of a campaign against what the sandbox was
// answered 200, once everything of it has been told, and returns how many of those
// accepted have a receipt.
func (w *world) judgeReceipts(id, provider string) int {
	w.t.Helper()
	await(w.t, "every callback is answered 200", 2*time.Minute, func() bool { _, untold := w.told(); return untold == 0 })
	all, _ := w.told()
	best := map[string]int{} // by number: in one campaign each has one message that counts
	code := map[string]string{}
	ids := map[string]string{}
	for _, one := range all {
		if one.Provider != provider {
			continue
		}
		who := one.MessageID + " " + one.Phone
		best[who] = max(best[who], ranks[one.Status])
		ids[one.Phone] = one.MessageID
		if one.Code != 0 {
			code[who] = "meta_" + strconv.Itoa(one.Code)
		}
	}
	wrong := func() (bad []string, count map[int]int, early int) {
		out, exit := w.run("producer", "export", id)
		if exit != 0 {
			w.t.Fatal(w.logs.tail(4000))
		}
		rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil {
			w.t.Fatal(err)
		}
		count = map[int]int{}
		for _, r := range rows[1:] {
			who := r[3] + " " + r[1]
			if r[2] != "accepted" {
				// What names the number alone proves nothing, and speaks for it.
				if probable := r[2] == "in_doubt" && r[9] == "probable" && ids[r[1]] != ""; r[9] != "" && !probable {
					bad = append(bad, fmt.Sprintf("%v has a receipt and is not accepted", r))
				}
				continue
			}
			count[best[who]]++
			if ranks[r[9]] != best[who] || best[who] == 2 && r[10] != code[who] {
				bad = append(bad, fmt.Sprintf("%v; the sandbox said %d %s", r, best[who], code[who]))
			}
		}
		return bad, count, early
	}
	var bad []string
	var count map[int]int
	w.t.Cleanup(func() {
		if w.t.Failed() && len(bad) > 0 {
			w.t.Errorf("%d rows are wrong, such as %s", len(bad), bad[:min(5, len(bad))])
		}
	})
	await(w.t, "what was answered 200 is applied", time.Minute, func() bool {
		bad, count, _ = wrong()
		if len(bad) > 0 {
			return false
		}
		r := w.status(id).Receipts
		return r.Sent == count[1] && r.Undelivered == count[2] && r.Delivered == count[3] && r.Read == count[4] && r.Awaiting == count[0]
	})
	return count[1] + count[2] + count[3] + count[4]
}

// Receipts of every kind, in any order, repeated, lost, before the answer, in the
// other spelling of the number and several in a body, while receivers, workers and
// Redis are killed: everything that was answered 200 is in, nothing else is, and the
// sum holds at each look.
func TestReceiptsAmongKills(t *testing.T) {
	t.Parallel()
	receiptsAmongKills(t, 2000, 400, 6*time.Second)
}

// receiptsAmongKills has so many people in each of two campaigns, so many of them a
// second, and kills for so long.
func receiptsAmongKills(t *testing.T, people, perSecond int, killing time.Duration) {
	t.Helper()
	// Redis forgets nothing when it is killed, or the campaigns would halt for that.
	w := newWorldWith(t, []string{"--appendfsync", "always"})
	addr := w.receiving(sandbox.Callbacks{
		Delay: 20 * time.Millisecond, Step: 300 * time.Millisecond, Shuffle: true, Undelivered: 0.2, Read: 0.5, Repeat: 0.2,
		Lose: 0.05, Early: 0.1, NoNinth: 0.3, Together: 5, Signed: true, Retry: 200 * time.Millisecond,
	}, fmt.Sprintf(", messages_per_second: %d", perSecond))
	w.listFrom("list.csv", 70_000_000, people) // mobiles, whose ninth digit WhatsApp may leave out
	receiver := w.receiver(addr)
	worker := w.start("worker")
	w.run("producer", "send", w.nxCampaign("nx", "list.csv", ""), "--no-preflight")
	w.run("producer", "send", w.innoCampaign("inno", "list.csv", ""), "--no-preflight")
	rnd := rand.New(rand.NewPCG(1, 1))
	kills := 0
	for end := time.Now().Add(killing); time.Now().Before(end); kills++ {
		w.awaitAccount("nx", "looked at", time.Minute, func(account) bool { return true }) // checks the sums
		switch rnd.IntN(5) {
		case 0:
			worker.kill()
			worker = w.start("worker")
		case 1:
			w.redis.Kill(t)
			w.redis.Start(t)
		default:
			receiver.kill()
			receiver = w.receiver(addr)
		}
	}
	w.start("worker") // the last one may have found no Redis at its start, and ended
	for _, id := range []string{"nx", "inno"} {
		w.awaitState(id, "finished", 2*time.Minute+3*time.Duration(people/perSecond)*time.Second)
	}
	nx, inno := w.judgeReceipts("nx", "nxcloud"), w.judgeReceipts("inno", "innopaas")
	t.Logf("%d kills; %d and %d of %d have a receipt", kills, nx, inno, people)
	if nx < people*7/10 || inno < people*7/10 {
		t.Errorf("%d and %d of %d have a receipt", nx, inno, people)
	}
	for _, id := range []string{"nx", "inno"} {
		if out, code := w.run("producer", "verify", id); code != 0 {
			t.Errorf("verify %s: %s", id, out)
		}
	}
	if strings.Contains(w.logs.String(), receiptSecret) || strings.Contains(w.logs.String(), phone(70_000_017)) {
		t.Error("a secret or a number is in a log")
	}
}

// While Redis is away callbacks are answered as ever, and applied afterwards.
func TestReceiptsWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{Delay: 2 * time.Second, Retry: time.Hour}, "")
	w.list("list.csv", 300)
	w.receiver(addr)
	worker := w.start("worker")
	w.run("producer", "send", w.nxCampaign("nx", "list.csv", ""), "--no-preflight")
	w.awaitState("nx", "finished", time.Minute)
	worker.stop(30 * time.Second)
	w.redis.Kill(t)
	await(t, "every callback is answered 200 at the first time", time.Minute, func() bool { all, untold := w.told(); return untold == 0 && len(all) > 0 })
	w.redis.Start(t)
	if n := w.judgeReceipts("nx", "nxcloud"); n != 300 {
		t.Errorf("%d of 300 have a receipt", n)
	}
}

// What is not a true callback is refused or has no effect.
func TestReceiptsForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{}, "")
	w.callbacks(sandbox.Callbacks{}) // the sandbox itself sends none
	w.list("list.csv", 10)
	receiver := w.receiver(addr)
	w.start("worker")
	w.run("producer", "send", w.nxCampaign("nx", "list.csv", ""), "--no-preflight")
	w.awaitState("nx", "finished", time.Minute)
	post := func(path, body string) int {
		t.Helper()
		resp, err := http.Post("http://"+addr+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	status := func(phone, id string) string {
		return fmt.Sprintf(`{"statuses":[{"id":%q,"status":"read","timestamp":"1790000000","recipient_id":%q}]}`, id, phone)
	}
	rows := w.export("nx")
	good := "/r/promo-br/" + receiptSecret
	for _, tt := range []struct {
		path, body string
		want       int
	}{
		{"/r/promo-br/another-secret-of-length", "{}", 404},
		{"/r/nobody/" + receiptSecret, "{}", 404},
		{"/r/promo-br", "{}", 404},
		{good, strings.Repeat("x", 1<<20+1), 413},
		{good, "no JSON at all", 200},
		{good, `{"statuses":[7,{"id":""},` + strings.TrimPrefix(status(rows[0].Phone, "forged"), `{"statuses":[`), 200},
		{good, status("4915112345678", rows[0].MessageID), 200},
		{good, status(rows[1].Phone, rows[0].MessageID), 200},
		{good, status(rows[2].Phone, rows[2].MessageID), 200}, // a true one, the last
	} {
		if got := post(tt.path, tt.body); got != tt.want {
			t.Errorf("%s %.60s: %d, want %d", tt.path, tt.body, got, tt.want)
		}
	}
	a := w.awaitAccount("nx", "read", time.Minute, func(a account) bool { return a.Receipts.Read > 0 })
	if a.Receipts.Read != 1 || a.Receipts.Awaiting != 9 || a.Receipts.Early != 0 {
		t.Errorf("%+v", *a.Receipts)
	}
	var person struct {
		Messages []struct {
			Receipt string `json:"receipt"`
			ReadAt  string `json:"read_at"`
		} `json:"messages"`
	}
	out, _ := w.run("producer", "find", rows[2].Phone, "--json")
	if err := json.Unmarshal([]byte(out), &person); err != nil || len(person.Messages) != 1 || person.Messages[0].Receipt != "read" || person.Messages[0].ReadAt != "2026-09-21T14:13:20Z" {
		t.Errorf("%v %s", err, out)
	}
	if out, _ := w.run("producer", "export", "nx", "--receipt", "read"); strings.Count(out, "\n") != 2 || !strings.Contains(out, rows[2].Phone) {
		t.Error(out)
	}
	receiver.stop(10 * time.Second)
	if receiver.err != nil {
		t.Error(receiver.err)
	}
}

// Connections are cut after the provider has read, workers are killed, and answers
// say that it failed where it did not: whose submission a receipt names ends as
// accepted, by itself, and nobody gets a message twice. nxcloud's receipts name a
// number alone, and resolve nothing.
func TestDoubtsResolveThemselves(t *testing.T) {
	t.Parallel()
	const people = 400
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{Delay: 20 * time.Millisecond, Step: 200 * time.Millisecond, Shuffle: true, Read: 0.5, NoNinth: 0.3}, ", messages_per_second: 100")
	w.post("/_sandbox/faults", `faults:
  - {count: 1, provider: innopaas, do: cut_after}
  - {rate: 0.2, do: cut_after}
  - {rate: 0.1, provider: innopaas, taken: true, status: 200, body: '{"code":"130","message":"unknown exception","data":null}'}
`)
	w.listFrom("inno.csv", 70_000_000, people)
	w.listFrom("nx.csv", 71_000_000, people)
	w.receiver(addr)
	worker := w.start("worker")
	w.run("producer", "send", w.innoCampaign("inno", "inno.csv", "rate: {messages_per_second: 100}"), "--no-preflight")
	w.run("producer", "send", w.nxCampaign("nx", "nx.csv", ""), "--no-preflight")
	for range 3 {
		before := w.status("inno").Accepted
		w.awaitAccount("inno", "going on", time.Minute, func(a account) bool { return a.Accepted > before || a.Pending == 0 })
		worker.kill()
		worker = w.start("worker")
	}
	w.awaitState("nx", "finished", time.Minute)
	a := w.awaitAccount("inno", "free of doubt", time.Minute, func(a account) bool { return a.State == "finished" && a.InDoubt == 0 })
	if a.Accepted != people || a.Codes["receipt"] == 0 {
		t.Errorf("%d of %d accepted, %d of them by a receipt alone", a.Accepted, people, a.Codes["receipt"])
	}
	nx := w.status("nx")
	t.Logf("innopaas: %d of %d accepted by a receipt alone; nxcloud: %d in doubt", a.Codes["receipt"], people, nx.InDoubt)
	if nx.InDoubt == 0 || nx.Codes["receipt"] != 0 {
		t.Errorf("%+v", nx)
	}
	w.judge("inno", "nx")
}

// NXCloud's plain product: each message names its submission and where its receipts
// go, so that every doubt resolves itself.
func TestPlainProductResolvesItsDoubts(t *testing.T) {
	t.Parallel()
	const people = 200
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{Delay: 20 * time.Millisecond, Step: 200 * time.Millisecond, Shuffle: true, Read: 0.5, NoNumber: 0.3, Signed: true}, "")
	senders, err := os.ReadFile(filepath.Join(w.dir, "senders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.file("senders.yaml", string(senders)+fmt.Sprintf(`  plain:
    provider: nxcloud-mt
    base_url: %[1]s
    template_base_url: %[1]s
    appkey: sandbox-app
    business_phone: "8615800001795"
    access_key: sandbox-key
    access_secret: sandbox-secret
    timeout: 5s
    limits: {in_flight: 64, messages_per_second: 200}
    receipts: {secret: %[2]s, verify: require, url: "http://%[3]s/r/plain/%[2]s"}
`, w.sandbox, receiptSecret, addr))
	w.post("/_sandbox/faults", `faults:
  - {rate: 0.2, do: cut_after}
  - {rate: 0.1, taken: true, status: 200, body: '{"code":9007,"message":"downstream","data":null}'}
`)
	w.listFrom("template.csv", 70_000_000, people)
	w.listFrom("text.csv", 71_000_000, people)
	w.receiver(addr)
	w.start("worker")
	w.file("template.yaml", "id: template\nsender: plain\nmessage:\n  type: template\n  template: {name: order_update, language: en_US, body: [\"{{name}}\"]}\nrecipients: {file: template.csv}\n")
	w.file("text.yaml", "id: text\nsender: plain\nmessage: {type: text, text: {body: \"hi {{name}}\"}}\nrecipients: {file: text.csv}\n")
	for _, id := range []string{"template", "text"} {
		if _, code := w.run("producer", "send", id+".yaml"); code != 0 {
			t.Fatalf("send %s: %d\n%s", id, code, w.logs.tail(4000))
		}
	}
	for _, id := range []string{"template", "text"} {
		a := w.awaitAccount(id, "free of doubt", time.Minute, func(a account) bool { return a.State == "finished" && a.InDoubt == 0 && a.Receipts.Awaiting == 0 })
		if a.Accepted != people || a.Codes["receipt"] < people/10 {
			t.Errorf("%s: %d of %d accepted, %d of them by a receipt alone", id, a.Accepted, people, a.Codes["receipt"])
		}
	}
	w.judge("template", "text")
	if strings.Contains(w.logs.String(), receiptSecret) {
		t.Error("the secret of the address is in a log")
	}
}
