package desk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/ledger"
)

func TestReadDecisions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "decisions.csv")
	for text, want := range map[string]string{ // decisions, or what the error says
		"row,choice\n1,accept\n2,resend\n":                              "1 2",
		"phone,choice\n5511987654321,accept\n":                          "1",
		"\ufeffchoice;phone\nreject;+55 11 98765-4321\n":                "1",
		"row\tphone\tstate\tchoice\n7\t5511987654321\tin_doubt\taccept": "1",
		"row,choice\n1,\n2,accept\n":                                    "1",
		"row,choice\n1,accept\n1,accept\n":                              "1",
		"":                                                              "the header",
		"row\n1\n":                                                      "the header needs the column choice",
		"choice\naccept\n":                                              "and row or phone",
		"row,choice\n1,accept\n1,reject\n":                              "line 3: another choice for row 1 than in line 2",

		// Two words on one person, in two spellings.
		"phone,choice\n5511987654321,accept\n551187654321,reject\n": "line 3: another choice for the number than in line 2",
		"row,choice\nx,accept\n":                                    `line 2: row: "x" is no number of a row`,
		"row,choice\n0,accept\n":                                    "line 2: row:",
		"row,choice\n1,yes\n":                                       `line 2: choice: "yes" is no choice`,
		"phone,choice\nnobody,accept\n":                             "line 2: phone:",
		"row,phone,choice\n,,accept\n":                              "line 2: neither row nor phone",
		"row,choice\n\"1,accept\n":                                  "parse error on line 2",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := ReadDecisions(path, nil)
		if err != nil {
			refused(t, err, want)
			if strings.Contains(err.Error(), "5511987654321") || strings.Contains(err.Error(), "nobody") {
				t.Errorf("the error has what the row says: %v", err)
			}
			continue
		}
		if n := len(d.byRow) + len(d.byPhone); n != len(strings.Fields(want)) {
			t.Errorf("%q: %d decisions, not %q", text, n, want)
		}
	}
}

// A decision is about its row or its number, in whatever spelling; one whose row has
// another number is about another list, and decides nothing.
func TestDecide(t *testing.T) {
	t.Parallel()
	d, err := ReadDecisions("-", strings.NewReader("row,phone,choice\n1,,accept\n2,5511987654322,reject\n3,5511999999999,reject\n,551187654324,resend\n9,,accept\n"))
	if err != nil {
		t.Fatal(err)
	}
	decide, unneeded := d.decide(ledger.Resend)
	for _, tt := range []struct {
		row   int
		phone string
		want  ledger.Choice
	}{
		{1, "5511987654321", ledger.Accept},
		{2, "5511987654322", ledger.Reject},
		{3, "5511987654323", 0},
		{4, "5511987654324", ledger.Resend}, // with the ninth digit that the file lacks
		{5, "5511987654325", ledger.Resend}, // as all others
	} {
		if got := decide(tt.row, tt.phone); got != tt.want {
			t.Errorf("row %d: %s, not %s", tt.row, got, tt.want)
		}
	}
	if n := unneeded(); n != 2 {
		t.Errorf("%d decisions had no use, and not those of rows 3 and 9", n)
	}
	if !d.has(ledger.Resend) || (*Decisions)(nil).has(ledger.Resend) {
		t.Error("who is to be sent to again")
	}
}
