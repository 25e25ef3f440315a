package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The same file is sent as another campaign, and from standard input.
func TestSendUnderAnotherID(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	file := d.campaign("sale", "")
	d.must("send", file, "--no-preflight")
	if out := d.must("send", file, "--no-preflight", "--id", "sale-two"); !strings.Contains(out, "sale-two is launched") {
		t.Error(out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("list.csv"), []byte(filepath.Join(d.dir, "list.csv")), 1)
	d.stdin = string(text)
	if out := d.must("send", "-", "--no-preflight", "--id", "sale-three"); !strings.Contains(out, "sale-three is launched") {
		t.Error(out)
	}
	if out := d.must("list"); strings.Count(out, "running") != 3 {
		t.Error(out)
	}
	if _, said, code := d.run("send", "-", "--recipients", "-"); code != 2 || !strings.Contains(said, "only one of") {
		t.Errorf("exit code %d, %s", code, said)
	}
	d.stdin = "id: x\nspeed: 1\n"
	if _, said, code := d.run("send", "-"); code != 2 || !strings.Contains(said, "-:2:1: speed") {
		t.Errorf("exit code %d, %s", code, said)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	if out := d.must("--version"); strings.TrimSpace(out) == "" {
		t.Error("nothing")
	}
}
