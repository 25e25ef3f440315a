package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
)

func TestCampaignOnNXCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	file := w.nxCampaign("big", w.list("big.csv", 100_000), "")
	out, code := w.run("producer", "send", file, "--wait", "--json")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	var a account
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	if a.Accepted != 100_000 || a.State != "finished" {
		t.Errorf("%+v", a)
	}
	w.judge("big")
}

func TestCampaignOnInnoPaaS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	file := w.innoCampaign("big", w.list("big.csv", 100_000), "")
	if _, code := w.run("producer", "send", file, "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.judge("big")
	if r := w.report(); r.Requests != 100 {
		t.Errorf("%d requests for 100 batches of the same message", r.Requests)
	}
}

// Every row of a list with troubles has its place, and the exit code says that
// not all were accepted.
func TestCampaignWithTroubles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults:
  - {suffix: "7", code: "22091"}
  - {suffix: "3", do: cut_after}
`)
	w.start("worker")
	var b strings.Builder
	b.WriteString("phone,name\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%s,n\n", phone(i))
	}
	b.WriteString("8.6138E+12,x\n" + phone(1) + ",again\n,nobody\n" + phone(300) + ",n,surplus\n\"" + phone(301) + "\"x,bad\n")
	w.file("t.csv", b.String())
	if _, code := w.run("producer", "send", w.nxCampaign("troubles", "t.csv", ""), "--wait"); code != 3 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	a := w.status("troubles")
	want := account{Rows: 205, Accepted: 160, Rejected: 20, InDoubt: 20, Invalid: 4, Duplicate: 1}
	if a.Rows != want.Rows || a.Accepted != want.Accepted || a.Rejected != want.Rejected || a.InDoubt != want.InDoubt || a.Invalid != want.Invalid || a.Duplicate != want.Duplicate {
		t.Errorf("%+v", a)
	}
	w.judge("troubles")
}

// halfOf is a pipe that gives the first half of a file, and then nothing and no
// end, so that whoever reads it is in the middle of it for certain.
func (w *world) halfOf(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	pipe := filepath.Join(w.dir, name+".pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		w.t.Fatal(err)
	}
	// Opened for both, it does not wait for the reader, and never ends.
	f, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	go f.Write(text[:len(text)/2]) // it ends with the file
	return pipe
}

// An import that is killed and repeated ends as if it had not been; a third time
// it is a no-op; with another file it is refused.
func TestImportKilledAndRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("again", w.list("again.csv", 300_000), "rate: {messages_per_second: 0.1}")
	p := w.start("producer", "send", file, "--recipients", w.halfOf("again.csv"))
	w.awaitAccount("again", "being imported", time.Minute, func(a account) bool { return a.Rows > 2000 })
	p.kill()
	was := w.status("again")
	if was.State != "importing" || was.Rows >= 300_000 {
		t.Fatalf("killed too late: %+v", was)
	}
	for range 2 {
		if _, code := w.run("producer", "send", file); code != 0 {
			t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
		}
		if a := w.status("again"); a.Rows != 300_000 || a.Pending != 300_000 || a.Batches != 300 || a.State != "running" {
			t.Fatalf("%+v", a)
		}
	}
	w.list("again.csv", 299_999)
	if _, code := w.run("producer", "send", file); code != 2 {
		t.Errorf("a changed list: exit code %d", code)
	}
	w.list("again.csv", 300_000)
	w.file("again.yaml", strings.ReplaceAll(readFile(t, file), "friend", "dear"))
	if _, code := w.run("producer", "send", file); code != 2 {
		t.Errorf("a changed message: exit code %d", code)
	}
}

func TestTransientFailuresEndAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults: [{times: 2, code: "22041"}]`)
	w.start("worker", "--retry-base", "100ms")
	if _, code := w.run("producer", "send", w.nxCampaign("twice", w.list("twice.csv", 1500), ""), "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.judge("twice")
	for _, row := range w.export("twice") {
		if row.State != "accepted" || row.Attempts != 3 {
			t.Fatalf("row %d: %s after %d attempts", row.Row, row.State, row.Attempts)
		}
	}
}

func TestWrongSecretHalts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	senders := filepath.Join(w.dir, "senders.yaml")
	good := readFile(t, senders)
	w.file("senders.yaml", strings.ReplaceAll(good, "access_secret: sandbox-secret", "access_secret: wrong"))
	worker := w.start("worker")
	out, code := w.run("producer", "send", w.nxCampaign("halts", w.list("halts.csv", 5000), ""), "--no-preflight", "--wait", "--json")
	if code != 1 {
		t.Fatalf("exit code %d", code)
	}
	var a account
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	if a.State != "halted" || !strings.HasPrefix(a.Reason, "1003") || !strings.Contains(a.Reason, "secret") || !strings.Contains(a.Reason, "producer resume halts") {
		t.Errorf("state %s, reason %q", a.State, a.Reason)
	}
	if a.Pending != 5000 {
		t.Errorf("recipients were lost: %+v", a)
	}
	w.file("senders.yaml", good)
	worker.cmd.Process.Signal(syscall.SIGHUP)
	w.awaitLog("senders file read again", time.Minute)
	if _, code := w.run("producer", "resume", "halts"); code != 0 {
		t.Fatalf("resume: exit code %d", code)
	}
	w.awaitState("halts", "finished", time.Minute)
	w.judge("halts")
}

// No credential, number or text is found anywhere but in the ledger's own keys
// and the export.
func TestNothingPersonalLeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", `faults:
  - {every: 5, times: 1, status: 500, body: "<html>5511910000042</html>"}
  - {every: 7, times: 1, code: "22041", message: "5511910000049 marker-text"}
  - {every: 11, code: "22091", message: "to 5511910000011"}
`)
	w.file("m.csv", "phone,name\n"+func() string {
		var b strings.Builder
		for i := range 500 {
			fmt.Fprintf(&b, "%s,marker-text\n", phone(i))
		}
		return b.String() + "abc marker-text,marker-text\n"
	}())
	w.start("worker", "--log-level", "debug", "--metrics-addr", "127.0.0.1:0")
	_, code := w.run("producer", "send", w.nxCampaign("markers", "m.csv", ""), "--wait", "--log-level", "debug")
	if code != 3 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	at := w.served()
	pages := map[string]string{}
	for page, holds := range map[string]string{"/metrics": `outcome="accepted",sender="promo-br"`, "/healthz": "ok", "/readyz": "ok"} {
		status, text := w.get(at + page)
		if status != http.StatusOK || !strings.Contains(text, holds) {
			t.Errorf("%s: %d %s", page, status, text)
		}
		pages[page] = text
	}
	w.file("bad.yaml", "senders:\n  promo-br: {provider: nxcloud, access_secret: sandbox-secret, nonsense: 1}\n")
	w.run("producer", "--senders", "bad.yaml", "send", "markers.yaml")
	secrets := []string{"sandbox-secret", "sandbox-token", "marker-text", "55119100000"}
	for _, secret := range secrets {
		if i := strings.Index(w.logs.String(), secret); i >= 0 {
			t.Errorf("%q is in a log: …%s…", secret, w.logs.String()[max(0, i-200):min(len(w.logs.String()), i+50)])
		}
		for page, text := range pages {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%q is in %s: …%s…", secret, page, text[max(0, i-200):min(len(text), i+50)])
			}
		}
	}
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: w.redis.Addr})
	defer inspector.Close()
	tasks, err := inspector.ListCompletedTasks("sluice:markers")
	if err != nil || len(tasks) == 0 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, task := range tasks {
		text := string(task.Payload) + string(task.Result) + task.LastErr
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in a task: %s", secret, text)
			}
		}
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
