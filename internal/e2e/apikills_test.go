package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A program that uses the API is killed again and again, in the middle of its uploads
// and at its launch too, and started anew: in the end everybody was sent to once.
func TestAPIClientAmongKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker", "--metrics-addr", "")
	_, c := w.serve("read,write,send,pii")
	const rows = 3000
	w.list("list.csv", rows)
	file := w.file("sale.json", fmt.Sprintf(apiCampaign, "sale"))
	program := filepath.Join(w.dir, "program")
	if out, err := exec.Command("go", "build", "-o", program, "../../examples/go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kills := 0
	for deadline := time.Now().Add(4 * time.Minute); ; {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come to its end after %d kills", kills)
		}
		cmd := exec.Command(program, file, filepath.Join(w.dir, "list.csv"))
		cmd.Env = append(os.Environ(), "SLUICE_API="+c.url, "SLUICE_TOKEN="+c.token)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		select {
		// Ever later, from within its first request on.
		case <-time.After(time.Duration(rand.IntN(20+15*kills)) * time.Millisecond):
			cmd.Process.Kill()
			err = <-ended
		case err = <-ended:
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && !exit.Exited() { // by the kill
			kills++
			continue
		}
		if err != nil || !strings.Contains(out.String(), fmt.Sprintf("accepted:%d", rows)) {
			t.Errorf("%v\n%s", err, out.String())
		}
		break
	}
	t.Logf("%d kills", kills)
	if a := w.awaitState("sale", "finished", time.Minute); a.Accepted != rows || a.Rows != rows {
		t.Errorf("%+v", a)
	}
	w.judge("sale")
}

// Two serve processes are killed at any moment of a campaign's whole life. What was
// answered with success is kept, each event is told, and everybody is sent to once.
func TestAPILifeAmongKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_second: 400", "")
	w.start("worker", "--metrics-addr", "")
	var mu sync.Mutex
	told := map[string]string{} // type by id
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var event struct{ Type string }
		if err != nil || json.Unmarshal(body, &event) != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("webhook-id")
		if was, ok := told[id]; ok && was != event.Type {
			t.Errorf("%s is %s, and was %s", id, event.Type, was)
		}
		told[id] = event.Type
	}))
	t.Cleanup(hook.Close)
	p, c := w.serve("read,write,send,pii")
	p.kill()
	api := w.strike(c.token, func(kills int) time.Duration { return time.Duration(100+rand.IntN(500)+50*kills) * time.Millisecond },
		"--callback-allow", "127.0.0.0/8")
	ask := func(method, path, body string, header ...string) (v map[string]any) {
		t.Helper()
		answer := api.insist(method, path, []byte(body), header...)
		if answer == nil {
			t.FailNow()
		}
		_ = json.Unmarshal(answer, &v)
		return v
	}
	const parts, rows = 3, 1500
	for deadline := time.Now().Add(3 * time.Minute); ; { // a repetition is 409, for its secret is told once
		if time.Now().After(deadline) {
			t.Fatal("no endpoint")
		}
		if status, _, err := api.either().ask("POST", "/v1/callbacks", fmt.Appendf(nil, `{"name":"crm","url":%q}`, hook.URL)); err == nil && (status == 201 || status == 409) {
			break
		}
	}
	ask("POST", "/v1/campaigns", strings.Replace(fmt.Sprintf(apiCampaign, "sale"), `"labels"`, `"callback":{"endpoint":"crm"},"labels"`, 1))
	for n := range parts {
		ask("PUT", "/v1/campaigns/sale/parts/"+itoa(n+1), csvPart(n*rows/parts, rows/parts), "Content-Type", "text/csv")
	}
	if all := ask("GET", "/v1/campaigns/sale/parts", "")["parts"].([]any); len(all) != parts {
		t.Errorf("%d parts are there", len(all))
	}
	tested := ask("POST", "/v1/campaigns/sale/test", `{"to":"+5511999990000"}`, "Idempotency-Key", "t1")["id"].(string)
	ask("POST", "/v1/campaigns/sale/launch", fmt.Sprintf(`{"rows":%d}`, rows))
	w.awaitAccount("sale", "running", 2*time.Minute, func(a account) bool { return a.State == "running" || a.State == "finished" })
	for range 4 {
		if w.status("sale").State != "running" {
			break
		}
		ask("PATCH", "/v1/campaigns/sale", `{"priority":"high"}`)
		for _, move := range []string{"pause", "resume"} {
			status, answer, err := api.either().ask("POST", "/v1/campaigns/sale/"+move, nil)
			if err == nil && status == 200 { // which is kept, whatever is killed now
				if a := w.status("sale"); move == "pause" && a.State != "paused" && a.State != "finished" {
					t.Errorf("it was answered that it is paused, and is %s", a.State)
				}
			} else if err == nil && status != 503 && status != 409 {
				t.Errorf("%s: %d %s", move, status, answer)
			}
		}
	}
	w.await("the campaign is over", 3*time.Minute, func() bool {
		a := w.status("sale")
		if a.State == "paused" { // the resumption was killed
			w.run("producer", "resume", "sale")
		}
		return a.State == "finished"
	})
	w.awaitState(tested, "finished", time.Minute)
	api.calm()
	var want []string
	w.await("each event is told", 2*time.Minute, func() bool {
		n, err := w.rdb.HGet(t.Context(), "sluice:{sale}", "told").Int()
		if err != nil {
			t.Fatal(err)
		}
		want = nil
		for seq := range n {
			want = append(want, fmt.Sprintf("sale.%d", seq+1))
		}
		mu.Lock()
		defer mu.Unlock()
		return len(told) == n
	})
	mu.Lock()
	defer mu.Unlock()
	for _, id := range want {
		if told[id] == "" {
			t.Errorf("%s was not told", id)
		}
	}
	for _, kind := range []string{"campaign.imported", "campaign.started", "campaign.finished"} {
		if n := len(slices.DeleteFunc(slices.Clone(want), func(id string) bool { return told[id] != kind })); n != 1 {
			t.Errorf("%s %d times", kind, n)
		}
	}
	t.Logf("%d kills, %d events", api.kills, len(want))
	if a := w.status("sale"); a.Accepted != rows || a.Rows != rows || a.InDoubt != 0 {
		t.Errorf("%+v", a)
	}
	w.judge("sale", tested)
}
