package e2e

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
)

// The list's own columns come back in an export, and the export of those who were
// rejected is sent as another campaign: the same people with the same values.
func TestExportWithColumnsIsAListAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var list strings.Builder
	list.WriteString("key;Telefon;code;secret;name\n")
	for i := range 100 {
		fmt.Fprintf(&list, "C-%03d;+%s;\"=%d;+1\";never;'-n%d\n", i, phone(i), i, i)
	}
	list.WriteString("C-100;nobody;x;never;private\n")
	fmt.Fprintf(&list, "C-101;+%s;x;never;private\n", phone(1))
	w.file("list.csv", list.String())
	w.file("keep.yaml", `id: keep
sender: promo-br
message: {type: template, template: {name: order_update, language: en_US, body: ["{{code}} {{name|you}}"]}}
recipients: {file: list.csv, phone: Telefon, keep: [key]}
`)
	w.post("/_sandbox/faults", `faults: [{suffix: "7", code: "22091"}]`)
	w.start("worker")
	if out, code := w.run("producer", "send", "keep.yaml", "--wait"); code != 3 {
		t.Fatalf("send: %d %s\n%s", code, out, w.logs.tail(2000))
	}
	rows := func(args ...string) [][]string {
		t.Helper()
		out, code := w.run("producer", append([]string{"export"}, args...)...)
		if code != 0 {
			t.Fatalf("export %v: %d\n%s", args, code, w.logs.tail(2000))
		}
		all, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := rows("keep", "--columns", "all"); len(all) != 103 || strings.Join(all[0][15:], " ") != "code name key" || all[0][4] != "sluice_code" ||
		strings.Join(all[8][15:], " ") != "'=7;'+1 ''-n7 C-007" || strings.Contains(fmt.Sprint(all), "never") ||
		strings.Join(all[101][15:], ",") != ",,C-100" || strings.Join(all[102][15:], ",") != ",,C-101" {
		t.Errorf("%q", all[:9])
	}
	if _, code := w.run("producer", "export", "keep", "--columns", "key,secret"); code != 2 {
		t.Errorf("a column that is not kept: exit code %d", code)
	}
	if out, code := w.run("producer", "export", "keep", "--columns", "all", "--states", "rejected", "-o", "again.csv"); code != 0 {
		t.Fatal(out)
	}
	w.post("/_sandbox/faults", "")
	if out, code := w.run("producer", "send", "keep.yaml", "--id", "again", "--recipients", "again.csv", "--wait"); code != 0 {
		t.Fatalf("the export as a list: %d %s\n%s", code, out, w.logs.tail(2000))
	}
	first, second := rows("keep", "--columns", "all", "--states", "rejected"), rows("again", "--columns", "key,code,name")
	if len(first) != 11 || len(second) != 11 {
		t.Fatalf("%d and %d rows", len(first), len(second))
	}
	for i := 1; i < len(first); i++ {
		f, s := first[i], second[i]
		if s[1] != f[1] || s[2] != "accepted" || s[15] != f[17] || s[16] != f[15] || s[17] != f[16] {
			t.Errorf("%q became %q", f, s)
		}
	}
	w.judge("keep", "again")
}
