package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A caller is a program that uses the API.
type caller struct {
	w     *world
	url   string
	token string
}

var served = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// serve starts `producer serve` and makes a token for it.
func (w *world) serve(scopes string) (*process, *caller) {
	w.t.Helper()
	p := w.start("producer", "serve", "--addr", "127.0.0.1:0", "--log-format", "json")
	url := served.FindString(p.awaitLine(served))
	out, code := w.run("producer", "token", "create", "crm", "--scopes", scopes)
	if code != 0 {
		w.t.Fatalf("token create: exit %d", code)
	}
	return p, &caller{w: w, url: url, token: strings.TrimSpace(out)}
}

// ask makes a request; the body may be nil.
func (c *caller) ask(method, path string, body []byte, header ...string) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// must is ask with an answer of this status.
func (c *caller) must(status int, method, path string, body []byte, header ...string) map[string]any {
	c.w.t.Helper()
	got, answer, err := c.ask(method, path, body, header...)
	if err != nil || got != status {
		c.w.t.Fatalf("%s %s: %d %v\n%s", method, path, got, err, answer)
	}
	var v map[string]any
	_ = json.Unmarshal(answer, &v) // some answers are streams
	return v
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

const apiCampaign = `{"id":%q,"sender":"promo-br","message":{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{name|friend}}"]}},"labels":{"team":"crm"}}`

// csvPart is a piece of the list that w.list makes.
func csvPart(from, n int) string {
	var b strings.Builder
	b.WriteString("phone,name\n")
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, "%s,name%d\n", phone(i), i)
	}
	return b.String()
}

// The way of a campaign over HTTP alone, from the draft to the account of every row.
func TestAPICampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, c := w.serve("read,write,send,pii,suppress")
	w.start("worker", "--metrics-addr", "")

	c.must(201, "POST", "/v1/campaigns", []byte(fmt.Sprintf(apiCampaign, "sale")))
	c.must(200, "POST", "/v1/campaigns", []byte(fmt.Sprintf(apiCampaign, "sale")))
	c.must(409, "POST", "/v1/campaigns", []byte(strings.Replace(fmt.Sprintf(apiCampaign, "sale"), "friend", "you", 1)))
	for n := range 3 {
		c.must(201, "PUT", "/v1/campaigns/sale/parts/"+itoa(n+1), zipped(csvPart(n*700, 700)), "Content-Type", "text/csv", "Content-Encoding", "gzip")
	}
	again := c.must(200, "PUT", "/v1/campaigns/sale/parts/2", []byte(csvPart(700, 700)), "Content-Type", "text/csv")
	if again["rows"] != 700.0 {
		t.Errorf("%v", again)
	}
	c.must(409, "PUT", "/v1/campaigns/sale/parts/2", []byte(csvPart(0, 1)), "Content-Type", "text/csv")
	if plan := c.must(200, "GET", "/v1/campaigns/sale/plan", nil); plan["recipients"] != 2100.0 || plan["batches"] != 3.0 {
		t.Errorf("%v", plan)
	}
	if shown := c.must(200, "GET", "/v1/campaigns/sale/preview?row=2", nil); shown["row"] != 2.0 || shown["message"] == nil {
		t.Errorf("%v", shown)
	}
	tested := c.must(202, "POST", "/v1/campaigns/sale/test", []byte(`{"to":"+5511999990000"}`), "Idempotency-Key", "t1")
	if twice := c.must(202, "POST", "/v1/campaigns/sale/test", []byte(`{"to":"+5511999990000"}`), "Idempotency-Key", "t1"); twice["id"] != tested["id"] {
		t.Errorf("%v, then %v", tested, twice)
	}
	c.must(409, "POST", "/v1/campaigns/sale/launch", []byte(`{"rows":7}`))
	c.must(202, "POST", "/v1/campaigns/sale/launch", []byte(`{"rows":2100}`))
	c.must(202, "POST", "/v1/campaigns/sale/launch", nil)
	c.await("sale", "finished")
	c.await(tested["id"].(string), "finished")
	status, rows, err := c.ask("GET", "/v1/campaigns/sale/recipients?state=accepted&end=true&after_row=100", nil)
	lines := strings.Split(strings.TrimSpace(string(rows)), "\n")
	if err != nil || status != 200 || len(lines) != 2001 || lines[2000] != `{"end":true,"rows":2000}` {
		t.Errorf("%d %v, %d lines", status, err, len(lines))
	}
	found := c.must(200, "POST", "/v1/numbers/lookup", []byte(fmt.Sprintf(`{"phone":"+%s"}`, phone(3))))
	if messages, _ := found["messages"].([]any); len(messages) != 1 {
		t.Errorf("%v", found)
	}
	// A small list in one call, and again.
	small := strings.TrimSuffix(fmt.Sprintf(apiCampaign, "small"), "}") + `,"recipients":{"rows":[{"phone":"+5511988880001","name":"Ana"},{"phone":"5511988880002"}]}}`
	c.must(201, "POST", "/v1/campaigns?launch=true", []byte(small))
	c.must(200, "POST", "/v1/campaigns?launch=true", []byte(small))
	c.await("small", "finished")
	if got := c.must(200, "GET", "/v1/campaigns?label=team:crm&limit=1", nil); got["next"] == nil {
		t.Errorf("%v", got)
	}
	// Nobody valid: back to a draft, with why.
	nobody := strings.Replace(strings.Replace(small, `"small"`, `"nobody"`, 1), `"rows":[{"phone":"+5511988880001","name":"Ana"},{"phone":"5511988880002"}]`, `"rows":[{"phone":"12"}]`, 1)
	c.must(201, "POST", "/v1/campaigns?launch=true", []byte(nobody))
	draft := c.await("nobody", "draft")
	if problems, _ := draft["problems"].([]any); len(problems) == 0 {
		t.Errorf("%v", draft)
	}
	// What the command line says of it, and nobody's number in a log.
	if a := w.status("sale"); a.State != "finished" || a.Accepted != 2100 {
		t.Errorf("%+v", a)
	}
	for _, number := range []string{phone(3), "5511988880001", "5511999990000", c.token[13:]} {
		if strings.Contains(w.logs.String(), number) {
			t.Errorf("a log holds %s", number)
		}
	}
}

// await waits until a campaign is in a state.
func (c *caller) await(id, state string) map[string]any {
	c.w.t.Helper()
	var v map[string]any
	c.w.await(id+" "+state, time.Minute, func() bool {
		v = c.must(200, "GET", "/v1/campaigns/"+id, nil)
		st, _ := v["status"].(map[string]any)
		return st["state"] == state
	})
	return v
}

// Whatever is killed while parts come and are imported, and however often a client
// asks again, the campaign is that of `producer send` of the same file, row for row.
func TestAPIAmongKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const rows, parts = 24_000, 4
	w.list("list.csv", rows)
	if out, code := w.run("producer", "send", w.nxCampaign("bysend", "list.csv", "start_at: 2099-01-01T00:00:00Z")); code != 0 {
		t.Fatal(code, out)
	}
	first, c := w.serve("read,write,send,pii")
	first.kill()
	// Ever later: an import needs to live for as long as it takes.
	api := w.strike(c.token, func(kills int) time.Duration { return time.Duration(50+rand.IntN(400)+100*kills) * time.Millisecond })
	body := strings.Replace(fmt.Sprintf(apiCampaign, "byapi"), `"labels"`, `"start_at":"2099-01-01T00:00:00Z","labels"`, 1)
	api.insist("POST", "/v1/campaigns", []byte(body))
	var sending sync.WaitGroup
	for n := range parts {
		for range 2 { // two clients at once
			sending.Go(func() {
				api.insist("PUT", "/v1/campaigns/byapi/parts/"+itoa(n+1), zipped(csvPart(n*rows/parts, rows/parts)), "Content-Type", "text/csv", "Content-Encoding", "gzip")
			})
		}
	}
	sending.Wait()
	api.insist("POST", "/v1/campaigns/byapi/launch", []byte(fmt.Sprintf(`{"rows":%d}`, rows)))
	w.await("byapi scheduled", 90*time.Second, func() bool { return w.status("byapi").State == "scheduled" })
	api.calm()
	want, got := w.exportText("bysend"), w.exportText("byapi")
	if want != got || strings.Count(got, "\n") != rows+1 {
		t.Errorf("the rows differ: %d and %d bytes", len(want), len(got))
	}
	field := func(id, name string) string { return w.rdb.HGet(context.Background(), "sluice:{"+id+"}", name).Val() }
	for _, name := range []string{"fingerprint", "identity", "rows", "recipients", "batches", "tasks"} {
		if field("bysend", name) != field("byapi", name) || field("byapi", name) == "" {
			t.Errorf("%s: %s, and %s by the API", name, field("bysend", name), field("byapi", name))
		}
	}
}

// exportText is a campaign's export.
func (w *world) exportText(id string) string {
	w.t.Helper()
	out, code := w.run("producer", "export", id)
	if code != 0 {
		w.t.Fatalf("export %s: exit %d", id, code)
	}
	return out
}

// What happens to a campaign is told once by id, although serve is killed and the
// endpoint is away at first; and the programs of examples/ run a campaign.
func TestAPICallbacksAndExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker", "--metrics-addr", "")
	var mu sync.Mutex
	seen, refuse := map[string]string{}, 3
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var event struct{ Type, Campaign string }
		body, _ := io.ReadAll(r.Body)
		json.Unmarshal(body, &event)
		if refuse--; refuse >= 0 {
			rw.WriteHeader(500)
			return
		}
		seen[r.Header.Get("webhook-id")] = event.Campaign + " " + event.Type
	}))
	t.Cleanup(hook.Close)
	start := func() (*process, string) {
		p := w.start("producer", "serve", "--addr", "127.0.0.1:0", "--log-format", "json", "--callback-allow", "127.0.0.0/8")
		return p, served.FindString(p.awaitLine(served))
	}
	p, url := start()
	out, _ := w.run("producer", "token", "create", "crm", "--scopes", "read,write,send,pii")
	c := &caller{w: w, url: url, token: strings.TrimSpace(out)}
	c.must(201, "POST", "/v1/callbacks", []byte(fmt.Sprintf(`{"name":"crm","url":%q}`, hook.URL)))
	body := strings.Replace(strings.TrimSuffix(fmt.Sprintf(apiCampaign, "told"), "}")+`,"recipients":{"rows":[{"phone":"+5511988880001","name":"Ana"}]}}`, `"labels"`, `"callback":{"endpoint":"crm","events":["imported","finished"]},"labels"`, 1)
	c.must(201, "POST", "/v1/campaigns?launch=true", []byte(body))
	c.await("told", "finished")
	p.kill()
	_, c.url = start()
	w.await("told of two events", 90*time.Second, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == 2
	})
	if mu.Lock(); seen["told.1"] != "told campaign.imported" || seen["told.2"] != "told campaign.finished" {
		t.Errorf("%v", seen)
	}
	mu.Unlock()

	w.list("list.csv", 500)
	for name, command := range map[string][]string{
		"go":     {"go", "run", "./examples/go"},
		"python": {"python3", "examples/run_campaign.py"},
	} {
		if _, err := exec.LookPath(command[0]); err != nil {
			t.Logf("%s is not here", command[0])
			continue
		}
		file := w.file(name+".json", fmt.Sprintf(apiCampaign, "by-"+name))
		cmd := exec.Command(command[0], append(command[1:], file, filepath.Join(w.dir, "list.csv"))...)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "SLUICE_API="+c.url, "SLUICE_TOKEN="+c.token)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "is finished") || !strings.Contains(string(out), "500") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
