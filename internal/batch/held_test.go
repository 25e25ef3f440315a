package batch

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Whoever waits for somebody gets the same batches as who does not, however many
// rows come before the first recipient.
func TestSomebodyKeepsEveryRow(t *testing.T) {
	t.Parallel()
	var list strings.Builder
	list.WriteString("phone,name\n")
	for i := range 2*maxSkipped + 500 {
		fmt.Fprintf(&list, "%d,nobody\n", i)
	}
	list.WriteString("5511987654321,Ana\n5511987654321,Ana\n5511987654322,Bia\n")
	o := Options{Phone: "phone", Columns: []Column{{Name: "name"}}}
	_, _, want := readAll(t, list.String(), o)
	r, err := NewReader(strings.NewReader(list.String()), o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice is as once
		if err := r.Somebody(); err != nil {
			t.Fatal(err)
		}
	}
	var got []*Batch
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if len(got) < 3 || r.Rows() != 2*maxSkipped+503 {
		t.Errorf("%d batches of %d rows", len(got), r.Rows())
	}
}

func TestNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		list, want string
	}{
		{string(caseFile(t, "26-no-default-country.csv")), "nobody to send to: all 2 rows are invalid: "},
		{"phone,name\n,\n", "no row below it"},
		{"phone,name\n1,a\n2,b\n,c\n", "(lines 2, 3)"},
	} {
		r, err := NewReader(strings.NewReader(tt.list), Options{Phone: "phone"})
		if err != nil {
			t.Fatal(err)
		}
		err = r.Somebody()
		var nobody *NobodyError
		if !errors.As(err, &nobody) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "0812") {
			t.Errorf("%v, want %q in it", err, tt.want)
		}
	}
}

// Reasons are bounded, whatever a file is.
func TestReasons(t *testing.T) {
	t.Parallel()
	var rs Reasons
	b := &Batch{Skipped: []Skipped{{Row: 1, Line: 2, Kind: Duplicate, Reason: "d"}}}
	for i := range 2 * maxReasons {
		b.Skipped = append(b.Skipped, Skipped{Row: i + 2, Line: i + 3, Kind: Invalid, Reason: fmt.Sprint("r", i)})
	}
	rs.Add(b)
	rs.Add(b)
	list := rs.List()
	if len(list) != maxReasons+1 || list[0].Reason != otherReasons || list[0].Rows != 2*maxReasons || len(list[0].Lines) != ReasonLines {
		t.Errorf("%d reasons, first %+v", len(list), list[0])
	}
	if diff := cmp.Diff(Reason{Reason: "r0", Rows: 2, Lines: []int{3, 3}}, list[1]); diff != "" {
		t.Error(diff)
	}
}
