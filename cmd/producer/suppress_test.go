package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Numbers come onto the suppression list in whatever form WhatsApp, a spreadsheet or
// a person has them, and no list sends to any of their spellings.
func TestSuppressedUnderAnySpelling(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "batch", "testdata", "08-suppress-wa-id.txt"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := strings.Split(strings.TrimSpace(string(text)), "\n")
	const list = "phone,name\n5511987654321,a\n525512345678,b\n628123456780,c\n6281234567805,d\n6281234567899,e\n"
	for name, suppress := range map[string]func(d *operator) string{
		"add": func(d *operator) string { return d.must(append([]string{"suppress", "add"}, numbers...)...) },
		"import": func(d *operator) string {
			return d.must("suppress", "import", d.file("gone.csv", "phone\n"+string(text)))
		},
		"import of numbers alone": func(d *operator) string {
			return d.must("suppress", "import", d.file("gone.txt", string(text)))
		},
		"import of what was listed": func(d *operator) string {
			d.must(append([]string{"suppress", "add"}, numbers...)...)
			listed := d.must("suppress", "list")
			d.must(append([]string{"suppress", "remove"}, numbers...)...)
			return d.must("suppress", "import", d.file("gone.txt", listed))
		},
		"import in another encoding": func(d *operator) string {
			return d.must("suppress", "import", "--encoding", "gbk", "--phone", "\u7535\u8bdd", d.file("gone.csv", "\xb5\xe7\xbb\xb0\n"+string(text)))
		},
		"import without a plus, and without a country": func(d *operator) string {
			return d.must("suppress", "import", "--country", "ID", d.file("gone.csv", "phone\n5511 8765 4321\n52 1 55 1234 5678\n08123456780\n081234567805\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newOperator(t)
			suppress(d)
			if out := d.must("suppress", "list"); strings.Count(out, "\n") != 4 {
				t.Errorf("on the list:\n%s", out)
			}
			d.file("list.csv", list)
			var st struct{ Pending, Suppressed int }
			if err := json.Unmarshal([]byte(d.must("send", d.campaign("c", ""), "--no-preflight", "--json")), &st); err != nil {
				t.Fatal(err)
			}
			if st.Pending != 1 || st.Suppressed != 4 {
				t.Errorf("%+v", st)
			}
			if out := d.must("suppress", "remove", "--country", "ID", "+55 11 98765-4321", "5215512345678", "08123456780", "0812-3456-7805", "0812-3456-7899"); !strings.Contains(out, "4 of 5") {
				t.Error(out)
			}
		})
	}
}

func TestSuppressSaysWhichNumberIsInvalid(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	for _, args := range [][]string{{"add", "5511987654321", "081234567801"}, {"remove", "--country", "ID", "081234567801", "081234567801 / 081234567802"}} {
		_, said, code := d.run(append([]string{"suppress"}, args...)...)
		if code != 2 || !strings.Contains(said, "number 2") || strings.Contains(said, "0812") {
			t.Errorf("exit code %d, %s", code, said)
		}
	}
	if _, said, code := d.run("suppress", "add", "--country", "XX", "1"); code != 2 || !strings.Contains(said, "XX") {
		t.Errorf("exit code %d, %s", code, said)
	}
	if out := d.must("suppress", "list"); out != "" {
		t.Error("something was suppressed all the same")
	}
}

// The plan shows where people are and how their numbers were read, and why rows are
// invalid.
func TestPlanShowsPeople(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.file("list.csv", "phone,name\n51987654321,two\n(11) 98765-4321,a\n(11) 98765-4322,b\n+49 170 1234567,c\n5511987654325,again\n,d\n,e\n08,f\n")
	file := d.file("plan.yaml", `id: plan
sender: promo
message: {type: template, template: {name: order_update, language: en_US, body: ["{{name}}"]}}
recipients: {file: list.csv, default_country: BR, numbers: NUMBERS}
`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for numbers, wants := range map[string][]string{
		"auto":     {"    in BR               3\n    in DE               1\n", "1 with + or 00, 2 read as national, 1 as full\n", "1 rows have a number that is valid as national and as full: none was read"},
		"national": {"    in BR               4\n", "1 with + or 00, 3 read as national, 1 as full\n", "each was read as national"},
		"full":     {"    in PE               1\n", "1 with + or 00, 2 read as national, 2 as full\n", "each was read as full"},
	} {
		d.file("plan.yaml", strings.Replace(string(text), "NUMBERS", numbers, 1))
		out := d.must("send", file, "--no-preflight", "--dry-run")
		for _, want := range append(wants, "    2: there is no phone number (lines 7, 8)\n", "(line 9)\n") {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in\n%s", numbers, want, out)
			}
		}
		var plan struct {
			People  people
			Reasons []struct{ Rows int }
		}
		if err := json.Unmarshal([]byte(d.must("send", file, "--no-preflight", "--dry-run", "--json")), &plan); err != nil {
			t.Fatal(err)
		}
		if plan.People.Ambiguous != 1 || plan.People.Plus != 1 || plan.People.Countries["DE"] != 1 || plan.Reasons[0].Rows != 2 {
			t.Errorf("%s: %+v", numbers, plan)
		}
	}
	d.file("plan.yaml", strings.Replace(string(text), "NUMBERS", "auto", 1))
	d.must("send", file, "--no-preflight")
	d.file("plan.yaml", strings.Replace(string(text), "NUMBERS", "full", 1))
	if _, said, code := d.run("send", file, "--no-preflight"); code != 2 || !strings.Contains(said, "way to read its recipients") {
		t.Errorf("numbers that are read otherwise: exit code %d, %s", code, said)
	}
	if _, said, code := d.run("send", d.file("bad.yaml", strings.Replace(string(text), "NUMBERS", "local", 1)), "--no-preflight"); code != 2 || !strings.Contains(said, "bad.yaml:4:60: recipients.numbers") {
		t.Errorf("no way to read: exit code %d, %s", code, said)
	}
}
