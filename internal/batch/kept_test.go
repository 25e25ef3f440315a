package batch

import (
	"fmt"
	"strings"
	"testing"
)

// Of a row that became no recipient those values are kept that are to be, whatever
// was wrong with it, and no other; the digest tells them apart.
func TestKeptValuesOfSkippedRows(t *testing.T) {
	t.Parallel()
	const header = "key,name,phone,other\n"
	rows := strings.Join([]string{
		"k1,a,nobody,x", "k2,b,5511987654321,x", "k3,c,5511987654321,x", "k4,,5511987654322,x", "k5,e,5511987654323,x,more", `k6,"f"g,5511987654324,x`,
	}, "\n")
	o := Options{Phone: "phone", Encoding: Auto, Columns: []Column{{Name: "name", Required: true}, {Name: "key", Kept: true}}}
	read := func(text string) *Batch {
		t.Helper()
		all, _, err := drain(t, strings.NewReader(text), o)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0]
	}
	b := read(header + rows)
	b.Bar([]string{"no more"})
	var got []string
	for _, s := range b.Skipped {
		got = append(got, fmt.Sprintf("%d%q", s.Row, s.Vars))
	}
	if want := `1["" "k1"] 2["" "k2"] 3["" "k3"] 4["" "k4"] 5[] 6[]`; strings.Join(got, " ") != want {
		t.Errorf("%s, not %s", strings.Join(got, " "), want)
	}
	if b := read(header + rows); b.Digest == read(strings.Replace(header+rows, "k1", "k9", 1)).Digest {
		t.Error("another value of an invalid row makes no difference")
	}
	if b := read(header + rows); b.Digest != read(strings.Replace(header+rows, "k1,a", "k1,z", 1)).Digest {
		t.Error("a value that is not kept makes a difference")
	}
	o.Columns[1].Kept = false
	for _, s := range read(header + rows).Skipped {
		if s.Vars != nil {
			t.Errorf("row %d keeps %q, and nothing is to be kept", s.Row, s.Vars)
		}
	}
}

// What is held before the first recipient keeps its values.
func TestHeldRowsKeepTheirValues(t *testing.T) {
	t.Parallel()
	b := &Batch{Skipped: []Skipped{{Row: 1, Line: 2, Kind: Invalid, Reason: "r", Phone: "p", Vars: []string{"", "k"}}, {Row: 2, Line: 3, Kind: Invalid, Reason: "r"}}}
	got := skippedOf(appendBatch(nil, b))
	if len(got) != 2 || fmt.Sprint(got) != fmt.Sprint(b.Skipped) || len(got[0].Vars) != 2 || got[1].Vars != nil {
		t.Errorf("%+v", got)
	}
}
