package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A row that halts the campaign for a reason that no rule foresaw is named, and
// can be skipped; everybody else gets the message once.
func TestSkipARow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_sandbox/faults", fmt.Sprintf(`faults: [{phone: "%s", code: "21062"}]`, phone(6)))
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("odd", w.list("odd.csv", 300), ""), "--wait"); code != 1 {
		t.Fatalf("exit code %d", code)
	}
	halted := func(a account) bool { return a.State == "halted" && a.BatchesDone == 0 && a.InDoubt == 0 }
	for range 2 { // to resume is of no use
		a := w.awaitAccount("odd", "halted", time.Minute, halted)
		if a.HaltedRow != 7 || !strings.Contains(a.Reason, "row 7") || a.Rejected != 0 {
			t.Fatalf("%+v", a)
		}
		if _, code := w.run("producer", "resume", "odd"); code != 0 {
			t.Fatal("resume failed")
		}
	}
	w.awaitAccount("odd", "halted", time.Minute, halted)
	for row, want := range map[string]int{"0": 0, "-1": 2, "301": 2, "1000000": 2} {
		if row == "0" { // as if it were not said
			continue
		}
		if _, code := w.run("producer", "resume", "odd", "--skip-row="+row); code != want {
			t.Errorf("row %s: exit code %d", row, code)
		}
	}
	if out, code := w.run("producer", "resume", "odd", "--skip-row", "7"); code != 0 || !strings.Contains(out, "row 7 is skipped") {
		t.Fatalf("exit code %d: %s", code, out)
	}
	a := w.awaitState("odd", "finished", time.Minute)
	if a.Accepted != 299 || a.Rejected != 1 || a.Codes["skipped"] != 1 || a.HaltedRow != 0 {
		t.Errorf("%+v", a)
	}
	if _, code := w.run("producer", "resume", "odd", "--skip-row", "7"); code != 2 {
		t.Errorf("a campaign that is over: exit code %d", code)
	}
	w.judge("odd")
}

// Values as people have them hold nobody up, and a list of nobody leaves its id
// free.
func TestListsAsPeopleHaveThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	take := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "batch", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		w.file(name, string(text))
		return name
	}
	out, code := w.run("producer", "send", w.nxCampaign("newline", take("01-param-newline.csv"), ""), "--wait")
	if code != 0 || !strings.Contains(out, "folded                3") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if a := w.status("newline"); a.Accepted != 4 {
		t.Errorf("%+v", a)
	}
	file := w.nxCampaign("free", take("26-no-default-country.csv"), "")
	if r := w.runTo(nil, "producer", "send", file); r.code != 2 || !strings.Contains(r.said, "lines 2, 3") || strings.Contains(r.said, "0812") {
		t.Errorf("%+v", r)
	}
	if _, there := w.look("free"); there {
		t.Error("a campaign of nobody was created")
	}
	w.file("free.yaml", strings.Replace(readFile(t, file), "{file: 26-no-default-country.csv}", "{file: 26-no-default-country.csv, default_country: ID}", 1))
	if r := w.runTo(nil, "producer", "send", file, "--wait"); r.code != 0 {
		t.Errorf("%+v", r)
	}
	if out, code := w.run("producer", "send", w.nxCampaign("head", take("10-headerless.csv"), "")); code != 2 {
		t.Errorf("exit code %d: %s", code, out)
	}
	w.file("nested.yaml", strings.Replace(readFile(t, w.nxCampaign("nested", take("23-nested-fallback.csv"), "")), "{{name|friend}}", "Hi {{nick|{{name|friend}}}}!", 1))
	if r := w.runTo(nil, "producer", "send", "nested.yaml"); r.code != 2 || !strings.Contains(r.said, "message.template.body[0]") || !strings.Contains(r.said, "at character 4") {
		t.Errorf("%+v", r)
	}
	w.judge("newline", "free")
}
