package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"sluice/internal/audit"
	"sluice/internal/desk"
)

// reads are the commands that change nothing, or that serve: what is done through
// those is noted by itself.
var reads = []string{
	"preview", "status", "export", "find", "workers", "list", "templates", "suppress list", "schema", "token list", "audit",
	"serve", "monitor", "healthcheck", "doctor",
}

// leaves are the program's commands.
func leaves(n *kong.Node) []string {
	var all []string
	for _, c := range n.Children {
		if c.Type != kong.CommandNode {
			continue
		}
		if c.Leaf() {
			all = append(all, strings.TrimPrefix(c.FullPath(), "producer "))
		}
		all = append(all, leaves(c)...)
	}
	return all
}

// Each command that changes something leaves an entry of who did it, and none of them
// holds a number or a secret.
func TestCommandsAreNoted(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&commands{}, kong.Name("producer"), kong.Vars{"queue_prefix": "", "senders": "", "version": ""})
	if err != nil {
		t.Fatal(err)
	}
	due := map[string]bool{}
	for _, name := range leaves(parser.Model.Node) {
		due[name] = !slices.Contains(reads, name)
	}
	if !due["pause"] || !due["suppress import"] || len(due) < 20 {
		t.Fatalf("the commands are %v", due)
	}
	d := newOperator(t)
	sale := d.campaign("sale", "")
	text, err := os.ReadFile(sale)
	if err != nil {
		t.Fatal(err)
	}
	corrected := d.file("corrected.yaml", strings.Replace(string(text), "order_update", "corrected", 1))
	other := d.campaign("other", "")
	for _, s := range []struct {
		act     string
		outcome audit.Outcome
		args    []string
	}{
		{"send", audit.Done, []string{"send", sale, "--no-preflight"}},
		{"send", audit.Unchanged, []string{"send", sale, "--no-preflight"}},
		{"test", audit.Done, []string{"test", other, "--to", "+5511999990000", "--no-preflight"}},
		{"set", audit.Done, []string{"set", "sale", "--rate", "5"}},
		{"pause", audit.Done, []string{"pause", "sale"}},
		{"pause", audit.Unchanged, []string{"pause", "sale"}},
		{"amend", audit.Done, []string{"amend", "sale", corrected, "--no-preflight"}},
		{"resume", audit.Done, []string{"resume", "sale"}},
		{"clear_pause", audit.Unchanged, []string{"resume", "sale", "--clear-pause"}},
		{"skip_row", audit.Done, []string{"resume", "sale", "--skip-row", "1"}},
		{"skip_row", audit.Refused, []string{"resume", "sale", "--skip-row", "99"}},
		{"resolve", audit.Unchanged, []string{"resolve", "sale", "--in-doubt", "accept"}},
		{"verify", audit.Unchanged, []string{"verify", "sale"}},
		{"cancel", audit.Done, []string{"cancel", "sale"}},
		{"suppress", audit.Done, []string{"suppress", "add", "+5511987654321"}},
		{"suppress", audit.Done, []string{"suppress", "add", "--sender", "promo", "+5511987654321"}},
		{"unsuppress", audit.Done, []string{"suppress", "remove", "+5511987654321"}},
		{"suppress", audit.Done, []string{"suppress", "import", d.file("stop.csv", "phone\n+5511987654322\n")}},
		{"replay_receipts", audit.Unchanged, []string{"receipts", "replay", "--dir", t.TempDir()}},
		{"create_token", audit.Done, []string{"token", "create", "crm", "--scopes", "read"}},
		{"revoke_token", audit.Unchanged, []string{"token", "revoke", "abcd1234"}},
	} {
		before := len(d.entries())
		ctx, cancel := context.WithCancel(d.ctx)
		if s.act == "test" { // which waits for a worker: it is interrupted
			go func() {
				defer cancel()
				for len(d.entries()) == before || d.entries()[0].Outcome == audit.Begun {
					if ctx.Err() != nil {
						return
					}
				}
			}()
		}
		out, errs, _ := d.runWith(ctx, s.args...)
		cancel()
		all := d.entries()
		i := slices.IndexFunc(all, func(e audit.Entry) bool { return e.Act == s.act })
		if len(all) == before || i < 0 || i >= len(all)-before || all[i].Outcome != s.outcome || all[i].Actor != "cli:"+whoami() {
			t.Errorf("%v left %+v, not %s %s\n%s%s", s.args, all[:len(all)-before], s.act, s.outcome, out, errs)
		}
		for name := range due {
			if strings.HasPrefix(strings.Join(s.args, " ")+" ", name+" ") {
				delete(due, name)
			}
		}
	}
	for name, is := range due {
		if is {
			t.Errorf("nobody ran %s: it needs a step here, and so an entry, or stands in reads because it changes nothing", name)
		}
	}
	shown := d.must("audit") + d.must("audit", "--json")
	for _, secret := range []string{"98765432", "999990000", "Ana", "slc_"} {
		if strings.Contains(shown, secret) {
			t.Errorf("the audit shows %s:\n%s", secret, shown)
		}
	}
}

func TestAuditShows(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.must("send", d.campaign("sale", ""), "--no-preflight")
	d.must("send", d.campaign("other", ""), "--no-preflight")
	d.must("pause", "sale")
	table := d.must("audit", "--campaign", "sale", "--since", "1h")
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "pause") || !strings.Contains(lines[1], "running -> paused") || !strings.Contains(lines[2], "rows 3, recipients 2") {
		t.Errorf("\n%s", table)
	}
	var e audit.Entry
	if err := json.Unmarshal([]byte(strings.Split(d.must("audit", "--json", "--actor", whoami()), "\n")[0]), &e); err != nil || e.Act != "pause" || time.Since(e.At).Abs() > time.Hour {
		t.Errorf("%+v, %v", e, err)
	}
	for _, args := range [][]string{{"--actor", "nobody"}, {"--since", "2100-01-01T00:00:00Z"}, {"--campaign", "none"}} {
		if out := d.must(append([]string{"audit", "--json"}, args...)...); out != "" {
			t.Errorf("%v: %s", args, out)
		}
	}
	if _, _, code := d.run("audit", "--since", "yesterday"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}

// What is changed on the queue's page is noted, and what is looked at is not.
func TestQueuePageIsNoted(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	a := &app{commands: &commands{QueuePrefix: "sluice:"}, ctx: d.ctx, redis: d.rdb}
	a.desk = desk.New(desk.Options{Redis: d.rdb, Now: time.Now, By: audit.Actor{Kind: "cli", Name: "ana@desk"}})
	h := a.noted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "none") {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, "done")
	}))
	for _, c := range []struct{ method, path string }{{"GET", "/api/queues/sluice:sale"}, {"POST", "/api/queues/sluice:sale:pause"}, {"DELETE", "/api/queues/sluice:sale/pending_tasks/sale:1"}, {"POST", "/api/queues/none:pause"}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if !strings.Contains(w.Body.String(), "done") {
			t.Errorf("%+v: %s", c, w.Body)
		}
	}
	var got []string
	for _, e := range d.entries() {
		got = append(got, fmt.Sprintf("%s %s %s: %s", e.Actor, e.Campaign, e.Detail, e.Outcome))
	}
	want := []string{
		"cli:ana@desk  POST /api/queues/none:pause: unchanged",
		"cli:ana@desk sale DELETE /api/queues/sluice:sale/pending_tasks/sale:1: done",
		"cli:ana@desk sale POST /api/queues/sluice:sale:pause: done",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// entries are all there are, the newest first.
func (d *operator) entries() (all []audit.Entry) {
	if _, err := audit.New(d.rdb).Page(d.ctx, audit.Query{}, func(e *audit.Entry) bool { all = append(all, *e); return true }); err != nil {
		d.t.Error(err)
	}
	return all
}
