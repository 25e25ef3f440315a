package main

import (
	"strings"
	"testing"
)

// Preflight is asked for what is to be imported, before a key is written. What is
// imported is not held up by a template that nobody can look at any more.
func TestSendAgainAsksNoTemplate(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	file := d.campaign("again", "")
	if _, said, code := d.run("send", file); code != 1 || !strings.Contains(said, "--no-preflight") {
		t.Fatalf("a new campaign: exit code %d, %s", code, said)
	}
	if n := d.rdb.DBSize(d.ctx).Val(); n != 0 {
		t.Fatalf("%d keys were written before the preflight", n)
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
