package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A reader is a provider of the nxcloud API that takes everything, and keeps what
// each number was sent and when the request came.
type reader struct {
	mu   sync.Mutex
	sent map[string]string
	came map[string]time.Time
}

func (r *reader) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var m struct {
		To       string
		Template struct {
			Components []struct{ Parameters []struct{ Text string } }
		}
	}
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.sent[m.To], r.came[m.To] = m.Template.Components[0].Parameters[0].Text, time.Now()
	id := fmt.Sprintf("id-%d", len(r.sent))
	r.mu.Unlock()
	fmt.Fprintf(w, `{"code":0,"message":"success","data":{"message_id":%q}}`, id)
}

// A message is amended again and again while workers send at speed: from the moment
// at which `amend` ends nobody gets what was before, and the export says who got
// which.
func TestAmend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := &reader{sent: map[string]string{}, came: map[string]time.Time{}}
	provider := httptest.NewServer(got)
	t.Cleanup(provider.Close)
	w.sandbox = provider.URL
	w.writeSenders(", messages_per_second: 400", "")
	w.start("worker")
	w.start("worker")
	const rows = 3000
	list := w.list("list.csv", rows)
	file := func(revision int) string {
		return w.file(fmt.Sprintf("sale-%d.yaml", revision), fmt.Sprintf(`id: sale
sender: promo-br
message: {type: template, template: {name: order_update, language: en_US, body: ["%d {{name}}"]}}
recipients: {file: %s}
`, revision, list))
	}
	run := func(want string, args ...string) {
		t.Helper()
		if out, code := w.run("producer", args...); code != 0 || !strings.Contains(out, want) {
			t.Fatalf("%v: exit code %d, %s\n%s", args, code, out, w.logs.tail(2000))
		}
	}
	run("is launched", "send", "--no-preflight", file(1))
	if out, code := w.run("producer", "amend", "sale", file(2)); code != 1 {
		t.Errorf("a running campaign was amended: %d %s", code, out)
	}
	from := []time.Time{{}, {}}
	for revision := 2; revision <= 4; revision++ {
		before := w.status("sale").Accepted
		w.awaitAccount("sale", "going on", time.Minute, func(a account) bool { return a.Accepted > before+200 })
		run("is paused", "pause", "sale")
		run(fmt.Sprintf("has revision %d", revision), "amend", "--no-preflight", "sale", file(revision))
		from = append(from, time.Now())
		run("is running", "resume", "sale")
		run("has this message already", "amend", "--no-preflight", "sale", file(revision))
	}
	w.awaitState("sale", "finished", time.Minute)
	out, _ := w.run("producer", "export", "sale")
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(records) != rows+1 || records[0][len(records[0])-1] != "revision" {
		t.Fatal(err, len(records), records[0])
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	by := map[string]int{}
	for _, r := range records[1:] {
		revision, _, _ := strings.Cut(got.sent[r[1]], " ")
		if r[2] != "accepted" || revision != r[len(r)-1] {
			t.Fatalf("%v got revision %s", r, revision)
		}
		by[revision]++
		for next := 2; next < len(from); next++ {
			if came := got.came[r[1]]; fmt.Sprint(next) > revision && came.After(from[next]) {
				t.Fatalf("%s got revision %s %s after revision %d held", r[1], revision, came.Sub(from[next]), next)
			}
		}
	}
	if len(by) != 4 {
		t.Errorf("by revision: %v", by)
	}
}
