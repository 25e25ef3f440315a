package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sluice/internal/desk"
)

// Preflight is asked for what is to be imported, before a key is written. What is
// imported is not held up by a template that nobody can look at any more.
func TestSendAgainAsksNoTemplate(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	keys := d.rdb.DBSize(d.ctx).Val()
	file := d.campaign("again", "")
	if _, said, code := d.run("send", file); code != 1 || !strings.Contains(said, "--no-preflight") {
		t.Fatalf("a new campaign: exit code %d, %s", code, said)
	}
	if n := d.rdb.DBSize(d.ctx).Val(); n != keys {
		t.Fatalf("%d keys were written before the preflight", n-keys)
	}
	text := d.create("again")
	if _, said, code := d.run("send", file); code != 1 || !strings.Contains(said, "--no-preflight") {
		t.Fatalf("an import cut short: exit code %d, %s", code, said)
	}
	d.must("send", file, "--no-preflight")
	if out := d.must("send", file); !strings.Contains(out, "nothing to do (it is running)") {
		t.Errorf("imported: %s", out)
	}
	d.file("again.yaml", strings.ReplaceAll(text, "order_update", "another"))
	if _, said, code := d.run("send", file); code != 2 || !strings.Contains(said, "another message") {
		t.Errorf("another message: exit code %d, %s", code, said)
	}
	d.campaign("again", "")
	d.must("cancel", "again")
	if out := d.must("send", file); !strings.Contains(out, "nothing to do (it is cancelled)") {
		t.Errorf("over: %s", out)
	}
	d.file("list.csv", "phone,name\n5511987654321,Ana\n")
	if _, said, code := d.run("send", file); code != 2 || !strings.Contains(said, "a new id") {
		t.Errorf("another list: exit code %d, %s", code, said)
	}
}

// A dry run counts what the import then does and writes nothing; without Redis it
// claims nothing that it has not asked. It names no campaign that is not there.
func TestDryRun(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.must("suppress", "add", "5511987654321")
	keys := d.rdb.DBSize(d.ctx).Val()
	d.file("list.csv", "phone,name\n5511987654321,Ana\n5511987654322,Bia\n"+strings.Repeat("123,nobody\n", desk.FirstLines+2))
	file := d.campaign("dry", "")
	redis := d.url
	d.url = "redis://127.0.0.1:1"
	out, said, code := d.run("send", file, "--no-preflight", "--dry-run")
	if !strings.Contains(out, "  suppressed   asked at the import\n") || code != 0 || !strings.Contains(said, "warning: the suppression list is not asked: ") || !strings.Contains(out, "(lines 4, 5, 6, 7, 8 and 2 more)\n") || strings.Contains(out, "producer export") {
		t.Error(out)
	}
	plan := func() (plan map[string]any) {
		t.Helper()
		out = d.must("send", file, "--no-preflight", "--dry-run", "--json")
		if err := json.Unmarshal([]byte(out), &plan); err != nil {
			t.Fatal(err)
		}
		return plan
	}
	p := plan()
	if n, there := p["suppressed"]; !there || n != nil || p["pending"] != 2.0 || strings.Count(out, "suppressed") != 1 {
		t.Error(out)
	}
	others := d.campaign("again", "")
	rules, err := os.ReadFile(others)
	if err != nil {
		t.Fatal(err)
	}
	d.file("again.yaml", strings.Replace(string(rules), "list.csv", "list.csv, only: {campaign: dry, states: [pending]}", 1))
	if _, said, code := d.run("send", others, "--no-preflight", "--dry-run"); code != 1 || !strings.Contains(said, "127.0.0.1:1") {
		t.Errorf("without Redis, with other campaigns to ask: exit code %d, %s", code, said)
	}
	d.url = redis
	if p := plan(); p["suppressed"] != 1.0 || p["pending"] != 1.0 {
		t.Error(out)
	}
	if _, said, code := d.run("send", others, "--no-preflight", "--dry-run"); code != 2 || !strings.Contains(said, "not to be known who is meant") {
		t.Errorf("of a campaign that is not there: exit code %d, %s", code, said)
	}
	if n := d.rdb.DBSize(d.ctx).Val(); n != keys {
		t.Errorf("%d keys were written", n-keys)
	}
	out = d.must("send", file, "--no-preflight")
	if !strings.Contains(out, "  suppressed            1\n") || !strings.Contains(out, "and 2 more)\n    `producer export dry --states invalid` lists them\n") {
		t.Error(out)
	}
	d.rdb.FlushDB(d.ctx)
	if d.must("send", file, "--no-preflight", "--dry-run"); d.rdb.DBSize(d.ctx).Val() != 0 {
		t.Error("a dry run wrote to an empty Redis")
	}
}

// All that is wrong with a file is said at once, each with its place.
func TestSendSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	_, said, code := d.run("send", d.campaign("bad", "max_atempts: 3\nprority: high\nrate: fast"))
	for _, want := range []string{"bad.yaml:5:1: max_atempts: unknown key; did you mean max_attempts?\n", "bad.yaml:6:1: prority: unknown key; did you mean priority?\n", "bad.yaml:7:7: rate: must be "} {
		if code != 2 || !strings.Contains(said, want) {
			t.Errorf("exit code %d, without %q:\n%s", code, want, said)
		}
	}
	_, said, code = d.run("send", d.campaign("bad", "max_attempts: 30\npriority: urgent"))
	if code != 2 || strings.Count(said, "bad.yaml:") != 2 || !strings.Contains(said, "bad.yaml:5:15: max_attempts: between") || !strings.Contains(said, "bad.yaml:6:11: priority: ") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}
