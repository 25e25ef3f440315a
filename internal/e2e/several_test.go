package e2e

import (
	"strings"
	"testing"
	"time"
)

// Several files are one list, by the campaign file and by the flag: deduped as one,
// and the same campaign as one file that has their rows.
func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	w.file("a.csv", "phone,name\n"+phone(1)+",Ana\n"+phone(2)+",Bia\n")
	w.file("b.csv", "name;other;phone\nCai;x;"+phone(3)+"\nAna;x;"+phone(1)+"\n")
	w.file("one.csv", "phone,name\n"+phone(1)+",Ana\n"+phone(2)+",Bia\n"+phone(3)+",Cai\n"+phone(1)+",Ana\n")
	file := w.nxCampaign("both", "x", "")
	w.file("both.yaml", strings.Replace(readFile(t, file), "file: x", "files: [a.csv, b.csv]", 1))
	if out, code := w.run("producer", "send", "both.yaml"); code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, out, w.logs.tail(2000))
	}
	a := w.awaitState("both", "finished", time.Minute)
	if a.Rows != 4 || a.Accepted != 3 || a.Duplicate != 1 {
		t.Errorf("%+v", a)
	}
	if out, code := w.run("producer", "send", "both.yaml", "--recipients", "one.csv"); code != 0 || !strings.Contains(out, "was imported before") {
		t.Errorf("the same rows in one file: %d %s", code, out)
	}
	if _, code := w.run("producer", "send", "both.yaml", "--recipients", "b.csv", "--recipients", "a.csv"); code != 2 {
		t.Errorf("in another order: exit code %d", code)
	}
	if out, code := w.run("producer", "send", "both.yaml", "--id", "again", "--recipients", "a.csv", "--recipients", "b.csv", "--wait"); code != 0 {
		t.Errorf("by flags: %d %s", code, out)
	}
	w.file("c.csv", "phone,nome\n"+phone(9)+",Ana\n")
	if _, code := w.run("producer", "send", "both.yaml", "--id", "wrong", "--recipients", "a.csv", "--recipients", "c.csv"); code != 0 {
		// A placeholder with a fallback needs its column all the same.
		if code != 2 || !strings.Contains(w.logs.tail(2000), "c.csv") {
			t.Errorf("a file without a column: %d %s", code, w.logs.tail(2000))
		}
		if _, code := w.run("producer", "status", "wrong"); code != 1 {
			t.Error("it was created all the same")
		}
	} else {
		t.Error("a file without a column was taken")
	}
}
