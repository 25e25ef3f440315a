package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// promised are the fields that docs/cli.md has of a command's answer in JSON.
func promised(t *testing.T, command string) []string {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| `" + command + "` \\| (.*) \\|$").FindStringSubmatch(readDocs(t))
	if row == nil {
		t.Fatalf("docs/cli.md has no row for %s", command)
	}
	var fields []string
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
		fields = append(fields, m[1])
	}
	slices.Sort(fields)
	return fields
}

// object is one answer, which is to have these fields and no other.
func (d *operator) object(text string, fields []string) map[string]any {
	d.t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		d.t.Fatalf("%v: %s", err, text)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, fields) {
		d.t.Errorf("the fields %s, and docs/cli.md has %s", names, fields)
	}
	return got
}

func TestAmendInJSON(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	fields := promised(t, "amend")
	file := d.campaign("sale", "")
	d.must("send", file, "--no-preflight")
	d.must("pause", "sale")
	other := d.file("other.yaml", strings.Replace(d.text(file), "order_update", "spring", 1))
	for _, want := range []map[string]any{
		{"id": "sale", "revision": 2.0, "waiting": 2.0, "amended": true},
		{"id": "sale", "revision": 2.0, "waiting": 2.0, "amended": false},
	} {
		if got := d.object(d.must("amend", "sale", other, "--no-preflight", "--json"), fields); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// A test's answer is an export's row, and the id of the test's own campaign.
func TestTestInJSON(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	row := d.hold("export")
	file := d.campaign("sale", "start_at: 2099-01-01T00:00:00Z")
	for outcome, exit := range map[sender.Outcome]int{sender.Accepted: 0, sender.Rejected: 3} {
		ended := d.beside(func(id string) { d.settle(id, outcome) })
		out, said, code := d.run("test", file, "--to", "5511987654399", "--row", "2", "--no-preflight", "--json")
		id := <-ended
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != exit || got["id"] != id || got["row"] != 2.0 || got["phone"] != "5511987654399" || got["state"] != outcome.String() {
			t.Errorf("%s: exit code %d, %v, %s%s", outcome, code, err, out, said)
		}
		delete(got, "id")
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		row.takes(string(text))
	}
	d.must("send", file, "--no-preflight") // the id is free
}

// A test that halts says why, is ended, and leaves the campaign's id free.
func TestTestThatHalts(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	file := d.campaign("sale", "")
	for _, flags := range [][]string{nil, {"--json"}} {
		halted := d.beside(func(id string) {
			if _, err := d.campaigns.HaltAt(d.ctx, id, 1, "22093", "22093: the template does not exist"); err != nil {
				t.Error(err)
			}
		})
		out, said, code := d.run(append([]string{"test", file, "--to", "5511987654399", "--no-preflight"}, flags...)...)
		id := <-halted
		if code != 1 || out != "" || !strings.Contains(said, "the test was not sent: it halted: 22093: the template does not exist") || flags != nil && !strings.Contains(said, `"kind":"halted"`) {
			t.Errorf("exit code %d, %s%s", code, out, said)
		}
		rec, err := d.campaigns.Get(d.ctx, id)
		if err != nil || rec.State != campaign.Cancelled {
			t.Errorf("%+v, %v: it may be sent some other day", rec, err)
		}
	}
	d.must("send", file, "--no-preflight")
}

// The templates are told as the provider tells them, an object a line.
func TestTemplatesInJSON(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	const spring = `{"name":"spring","language":"en","id":7,"new_of_theirs":{"a":[1]}}`
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code":0,"data":{"data":[`+spring+`,{"name":"summer","language":"pt_BR"}],"paging":{}}}`)
	}))
	t.Cleanup(provider.Close)
	d.file("senders.yaml", strings.ReplaceAll(d.text(d.file("s.yaml", sendersText)), "http://127.0.0.1:1", provider.URL))
	if out := d.must("templates", "--sender", "promo", "--json"); out != spring+"\n"+`{"name":"summer","language":"pt_BR"}`+"\n" {
		t.Error(out)
	}
}

// beside does what a worker would with the test's campaign, once it runs, while a
// command waits for it, and then gives its id.
func (d *operator) beside(work func(id string)) <-chan string {
	done := make(chan string, 1)
	known := map[string]bool{}
	ids, err := d.campaigns.IDs(d.ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, id := range ids {
		known[id] = true
	}
	go func() {
		defer close(done)
		for d.ctx.Err() == nil {
			all, err := d.campaigns.List(d.ctx)
			if err != nil {
				d.t.Error(err)
				return
			}
			for _, rec := range all {
				if strings.HasPrefix(rec.ID, "test-") && !known[rec.ID] && rec.State == campaign.Running {
					work(rec.ID)
					done <- rec.ID
					return
				}
			}
			<-time.After(10 * time.Millisecond)
		}
	}()
	return done
}

// settle submits to a campaign's one recipient.
func (d *operator) settle(id string, outcome sender.Outcome) {
	l := ledger.New(d.rdb, time.Now)
	fail := func(err error) {
		if err != nil {
			d.t.Error(err)
		}
	}
	fail(d.rdb.Set(d.ctx, keys.Worker("w"), 1, time.Minute).Err())
	c, err := l.Claim(d.ctx, id, 0, "w", false)
	if err != nil {
		d.t.Error(err)
		return
	}
	fail(c.Begin(d.ctx, []int{0}))
	_, err = c.Settle(d.ctx, []ledger.Settlement{{Index: 0, Outcome: outcome, MessageID: "m", Time: time.Now()}})
	fail(err)
	_, err = d.campaigns.Finish(d.ctx, id)
	fail(err)
}
