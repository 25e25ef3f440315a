package export

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sluice/internal/batch"
)

func TestDefuse(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"":                    "",
		"wamid.HBgM":          "wamid.HBgM",
		"a-b=c+d@e":           "a-b=c+d@e",
		"not on WhatsApp; ok": "not on WhatsApp; ok",
		"=1+1":                "'=1+1",
		"+1":                  "'+1",
		"-1":                  "'-1",
		"@x":                  "'@x",
		"\t=1":                "'\t'=1",
		"\r=1":                "'\r'=1",
		"\n=1+1":              "'\n'=1+1",
		"\n":                  "'\n",
		"\r\n\r\n =1":         "'\r\n\r\n '=1",
		" =1":                 " '=1",
		"\u00a0=1":            "\u00a0'=1",
		"\u200b\ufeff=1":      "\u200b\ufeff'=1",
		"\x00=1":              "\x00'=1",
		"\xff=1":              "\xff'=1",
		`"=1`:                 `"'=1`,
		"x;=1+1;":             "x;'=1+1;",
		"x; =1;\t@y":          "x; '=1;\t'@y",
		`x;"=1+1";`:           `x;"'=1+1";`,
		"x,=1":                "x,'=1",
		"x|+1":                "x|'+1",
		"x\n-1":               "x\n'-1",
		"＝1":                  "'＝1",
		"'=1":                 "''=1", // else who reads it back would have =1
		"it's; 'x'":           "it's; 'x'",
		"a;b;c=1":             "a;b;c=1",
	} {
		if got := defuse(cell); got != want {
			t.Errorf("%q: %q; want %q", cell, got, want)
		}
	}
}

// However a spreadsheet parts the file, none of its cells is a formula, and what
// is taken out of a cell again is what was put in.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"=", "+", "-", "@", ";", ",", "\t", "|", "\n", "\r\n", " ", `"`, "'", "x", "1", "\u00a0", "\ufeff", "＝", "\x00", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		id := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "message_id"), "")
		var file bytes.Buffer
		w := NewCSV(&file)
		if err := w.Write(Row{Row: 1, Phone: "5511987654321", State: "accepted", MessageID: id, Message: id}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(batch.ExportColumns()) {
			t.Fatalf("not a CSV any more: %v\n%s", err, file.String())
		}
		cells := append([]string{}, rows[1]...)
		for _, by := range []string{";", "\t", "|", ",", "\n", "\r"} {
			cells = append(cells, strings.Split(file.String(), by)...)
		}
		for _, cell := range cells {
			if cell = strings.TrimFunc(cell, passedOver); cell != "" && strings.ContainsRune("=+-@＝＋－＠﹦﹢﹣﹫", []rune(cell)[0]) {
				t.Fatalf("%q stands for a formula in %q", cell, file.String())
			}
		}
		if strings.ReplaceAll(rows[1][3], "'", "") != strings.ReplaceAll(strings.ReplaceAll(id, "\r\n", "\n"), "'", "") {
			t.Fatalf("%q became %q", id, rows[1][3])
		}
		if back := string(batch.Undefuse([]byte(defuse(id)))); back != id {
			t.Fatalf("%q became %q, and that %q", id, defuse(id), back)
		}
	})
}

// passedOver says that a spreadsheet may look past r for a cell's beginning.
func passedOver(r rune) bool {
	return r == '"' || r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

func TestNDJSONIsAsItCame(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	w := NewNDJSON(&file)
	if err := w.Write(Row{MessageID: "x;=1+1;\n<&>"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil || !strings.Contains(file.String(), `"message_id":"x;=1+1;\n<&>"`) {
		t.Errorf("%v: %s", err, file.String())
	}
}
