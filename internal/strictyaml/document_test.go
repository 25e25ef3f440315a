package strictyaml

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostile are files that cost the parser gigabytes or minutes, each with what it
// must be refused for.
func hostile() map[string]struct{ file, want string } {
	const much = 500 << 10
	keys := func(form string) string {
		var b strings.Builder
		for i := 0; b.Len() < much; i++ {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	deeper := func() string {
		var b strings.Builder
		for i := 0; b.Len() < much; i++ {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	const nested, members = "nested more than 32 deep", "more than 2000 members"
	return map[string]struct{ file, want string }{
		"brackets":           {strings.Repeat("[", much), "f:1: groups and lists are " + nested},
		"braces":             {strings.Repeat("{", much), nested},
		"both":               {strings.Repeat("[{a: ", much/5), nested},
		"in a field":         {"id: x\nmessage: " + strings.Repeat("[", much), "f:2: groups and lists are " + nested},
		"dashes":             {strings.Repeat("- ", much/2), nested},
		"questions":          {strings.Repeat("? ", much/2), nested},
		"keys in a line":     {strings.Repeat("a: ", much/3), nested},
		"line below line":    {deeper(), nested},
		"nothing to close":   {strings.Repeat("]", much), "a ] or } closes what was never opened"},
		"keys":               {keys("%x:\n"), members},
		"keys with values":   {keys("k%d: v\n"), members},
		"elements":           {strings.Repeat("- a\n", much/4), members},
		"keys in braces":     {"{" + keys("%x: ,") + "}", "more than 60000 words"},
		"elements in one":    {"a: [" + strings.Repeat("x,", much/2) + "]", "more than 60000 words"},
		"commas":             {"[" + strings.Repeat(",", much), "more than 60000 words"},
		"quotes":             {strings.Repeat(`"" `, much/3), "more than 60000 words"},
		"longer than it may": {"a: " + strings.Repeat("x", 1<<20), "longer than 524288 bytes"},
	}
}

func TestHostileFilesAreRefusedAtOnce(t *testing.T) {
	for name, tt := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err := Parse([]byte(tt.file), "f")
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v; want %q", err, tt.want)
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 128 || took > 5*time.Second {
				t.Errorf("it cost %d MiB and %s", mb, took)
			}
		})
	}
}

// What is just within the bounds may cost the parser something, and ends.
func TestLargestFilesEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("senders:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  s%d:\n    provider: nxcloud\n    tenant_id: 1\n    appkey: a\n    business_phone: \"8613800000000\"\n"+
			"    access_key: k\n    access_secret: ${S}\n    limits: {messages_per_second: 80, in_flight: 64}\n    timeout: 15s\n", i)
	}
	d, err := Parse([]byte(b.String()), "f")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Senders map[string]map[string]any `yaml:"senders"`
	}
	if err := d.Decode(&file); err != nil || len(file.Senders) != 1000 {
		t.Errorf("%d senders, %v", len(file.Senders), err)
	}
	for name, file := range map[string]string{
		"brackets":  strings.Repeat("[", 31) + strings.Repeat("]", 31),
		"keys":      strings.Repeat("a:\n  b: 1\n", 1),
		"two lists": "a:\n" + strings.Repeat("- x\n", 2000) + "b:\n" + strings.Repeat("- x\n", 1990),
	} {
		if _, err := Parse([]byte(file), "f"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	for n, want := range map[int]string{0: "", 512 << 10: "", 512<<10 + 1: path + ": it is longer than"} {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := ReadFile(path)
		if want == "" && (err != nil || len(data) != n) || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%d bytes: %d, %v", n, len(data), err)
		}
	}
	if _, err := ReadFile("/dev/zero"); err == nil {
		t.Error("a file without an end was read")
	}
	if _, err := ReadFile(path + "none"); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}

func TestWholeNumbers(t *testing.T) {
	t.Parallel()
	type inner struct {
		N int `yaml:"n"`
	}
	type outer struct {
		A *inner           `yaml:"a"`
		B []inner          `yaml:"b"`
		C map[string]uint8 `yaml:"c"`
		F float64          `yaml:"f"`
	}
	for file, want := range map[string]string{
		"a: {n: 1}\nb: [{n: 2}]\nc: {x: 3}\nf: 1.5": "",
		"a: {n: 1.5}":              "f:1: a.n: must be a whole number",
		"b:\n  - n: 1\n  - n: 0.5": "f:3: b[1].n: must be a whole number",
		"c: {x: 3.25}":             "f:1: c.x: must be a whole number",
		"a: {m: 1.5}":              "f:1: a.m: unknown key",
		"a: [1.5]":                 "f:1: a: must be a group of fields, not a list",
		"b: x":                     "f:1: b: must be a list, not a text",
		"f: {a: 1}":                "f:1: f: must be a number, not a group of fields",
	} {
		d, err := Parse([]byte(file), "f")
		if err == nil {
			err = d.Decode(new(outer))
		}
		if got := lineOnly(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%q: %v; want %q", file, err, want)
		}
	}
}

// All that is wrong is said at once, in the order of the file, with line and column,
// and the nearest key for one that is not there.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	type inner struct {
		Number int    `yaml:"number"`
		Secret string `yaml:"secret" file:"secret_file"`
	}
	type outer struct {
		Title string           `yaml:"title"`
		Inner *inner           `yaml:"inner"`
		List  []inner          `yaml:"list"`
		Named map[string]inner `yaml:"named"`
	}
	for file, want := range map[string][]string{
		"titel: x\ninner:\n  numbr: 1\n  secretfile: f\n": {
			"f:1:1: titel: unknown key; did you mean title?", "f:3:3: inner.numbr: unknown key; did you mean number?", "f:4:3: inner.secretfile: unknown key; did you mean secret_file?",
		},
		"list:\n  - number: x\n  - {number: 0.5, colour: red}\n  - y\ntitle: [1]\n": {
			"f:2:13: list[0].number: must be a number, not a text", "f:3:14: list[1].number: must be a whole number", "f:3:19: list[1].colour: unknown key",
			"f:4:5: list[2]: must be a group of fields, not a text", "f:5:8: title: must be a text, not a list",
		},
		"named:\n  a: {numer: 1}\n  b: {Secret: x}\n": {
			"f:2:7: named.a.numer: unknown key; did you mean number?", "f:3:7: named.b.Secret: unknown key; did you mean secret?",
		},
		// Each of another kind, and after each the others are found in their places.
		"title: 007\nlist:\n  - number: 1.50\n  - number: x\n  - {number: 1.5, secret: [a]}\n  - &a b\n  - {sekret: 1}\ntitle: x\nother: 1\n": {
			"f:1:8: title: would not be read", "f:3:13: list[0].number: would not be read", "f:4:13: list[1].number: must be a number, not a text",
			"f:5:14: list[2].number: must be a whole number", "f:5:27: list[2].secret: must be a text, not a list", "f:6:5: list[3]: a text that begins with &",
			"f:7:6: list[4].sekret: unknown key; did you mean secret?", `f:8:1: mapping key "title" already defined at [1:1]`, "f:9:1: other: unknown key",
		},
		"title: a\ntitle: b\ninner: {number: 1, number: 2, number: 3}\n": {
			`f:2:1: mapping key "title" already defined at [1:1]`, `f:3:20: mapping key "number" already defined at [3:9]`, `f:3:31: mapping key "number" already defined at [3:9]`,
		},
		"title: 007\ninner: {number: 0x1}\n": {
			"f:1:8: title: would not be read as it is written", "f:2:17: inner.number: would not be read as it is written",
		},
	} {
		d, err := Parse([]byte(file), "f")
		if err == nil {
			err = d.Decode(new(outer))
		}
		got := strings.Split(fmt.Sprint(err), "\n")
		if len(got) != len(want) {
			t.Errorf("%q:\n%v\nwant %d faults", file, err, len(want))
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%q: %s, want %s", file, got[i], want[i])
			}
		}
	}
}

// What could not be read is not missing too, nor what its misspelled key stands for.
func TestConsequencesAreNotTold(t *testing.T) {
	t.Parallel()
	type inner struct {
		Number int    `yaml:"number"`
		Secret string `yaml:"secret" file:"secret_file"`
	}
	type outer struct {
		Title string   `yaml:"title"`
		Inner inner    `yaml:"inner"`
		List  []string `yaml:"list"`
	}
	for file, want := range map[string]string{
		"list: [a]\n":                 "title inner inner.number inner.secret list list[0]",
		"title: [1]\n":                "inner inner.number inner.secret list list[0]",
		"titel: x\n":                  "inner inner.number inner.secret list list[0]",
		"titel: x\ntitle: y\n":        "title inner inner.number inner.secret list list[0]",
		"inner: x\n":                  "title list list[0]",
		"inner: {number: 1.5}\n":      "title inner inner.secret list list[0]",
		"inner: {secretfile: x}\n":    "title inner inner.number list list[0]",
		"inner: {scret: x}\n":         "title inner inner.number list list[0]",
		"list: [a, 007]\n":            "title inner inner.number inner.secret list list[0]",
		"list: [007]\n":               "title inner inner.number inner.secret list",
		"inner: {x: 1}\nlist: &a b\n": "title inner inner.number inner.secret",
		"- x\n":                       "",
	} {
		d, err := Parse([]byte(file), "f")
		if err != nil {
			t.Fatal(err)
		}
		var v outer
		errs := []error{d.Decode(&v)}
		for _, field := range []string{"title", "inner", "inner.number", "inner.secret", "list", "list[0]"} {
			errs = append(errs, d.At(field, "MISSING"))
		}
		var told []string
		for line := range strings.Lines(Join(errs...).Error()) {
			if before, missing := strings.CutSuffix(strings.TrimSpace(line), ": MISSING"); missing {
				told = append(told, before[strings.LastIndex(before, " ")+1:])
			}
		}
		slices.Sort(told)
		all := strings.Fields(want)
		slices.Sort(all)
		if !slices.Equal(told, all) {
			t.Errorf("%q: missing %s; want %s", file, told, all)
		}
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	d, err := Parse([]byte("message: {type: [1]}\nsender: 1.10\n"), "f")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Message struct {
			Type string `yaml:"type"`
		} `yaml:"message"`
		Sender string `yaml:"sender"`
	}
	err = d.Decode(&v)
	for field, want := range map[string]bool{
		"message": true, "message.type": true, "message.type[0]": true, "message.text": false, "mess": false, "sender": true, "senders": false, "id": false,
	} {
		if About(err, field) != want {
			t.Errorf("%s: %v", field, !want)
		}
	}
	if About(nil, "id") {
		t.Error("no error is about something")
	}
}

// Whatever the file, it ends soon, without a panic, and an error has its line.
func FuzzParse(f *testing.F) {
	f.Add([]byte("senders:\n  a: {b: 1, c: [x]}\n"))
	f.Add([]byte("a: &a [*a, *a]\nb: !!x {<<: *a}\n--- \n"))
	f.Add([]byte("? a\n: - - b\n  - 'c'\n"))
	f.Add([]byte("a: |\n  x\nb: >-\n  y\n# z\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data, "f")
		if err == nil {
			var v struct {
				A map[string]any `yaml:"a"`
				B []int          `yaml:"b"`
			}
			err = d.Decode(&v)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "f:") || err.Error()[2] < '1' || err.Error()[2] > '9') {
			t.Errorf("an error without a line: %v", err)
		}
	})
}

// column is in an error behind the line.
var column = regexp.MustCompile(`^(\S+?:\d+):\d+: `)

// lineOnly is an error without its column.
func lineOnly(err error) string { return column.ReplaceAllString(fmt.Sprint(err), "$1: ") }
