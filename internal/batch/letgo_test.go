package batch

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// The set of numbers seen goes once the input has ended, not before, and what was
// read stays as it was whatever is read after it.
func TestReaderLetsGoOfNumbersAtTheEnd(t *testing.T) {
	t.Parallel()
	const rows = 2*MaxRecipients + 10
	long := strings.Repeat("x", 2*textsAtOnce)
	value := func(i int) string {
		if i%500 == 499 {
			return long + fmt.Sprint(i)
		}
		return fmt.Sprintf("name %d", i)
	}
	var list strings.Builder
	list.WriteString("phone,name\n")
	for i := range rows {
		fmt.Fprintf(&list, "+5511987%06d,%s\n", i, value(i))
	}
	list.WriteString("+5511987000000,again\n")
	r, err := NewReader(strings.NewReader(list.String()), Options{
		Phone: "phone", Columns: []Column{{Name: "name", Fold: true}},
		Check: func(rc *Recipient) error {
			if rc.Row%7 == 0 {
				return errors.New("not this one")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []*Batch
	for {
		if r.seen == nil && r.now.end == nil {
			t.Fatal("the numbers seen are gone before the end")
		}
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	if r.seen != nil {
		t.Error("the numbers seen are kept after the end")
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	got, skipped := 0, 0
	for _, b := range all {
		for _, rc := range b.Recipients {
			got++
			if i := rc.Row - 1; rc.Row%7 == 0 || rc.Phone != fmt.Sprintf("5511987%06d", i) || rc.Vars[0] != value(i) {
				t.Fatalf("row %d is %.40q", rc.Row, rc.Vars)
			}
		}
		for _, s := range b.Skipped {
			skipped++
			if s.Row <= rows && (s.Row%7 != 0 || s.Phone != fmt.Sprintf("5511987%06d", s.Row-1)) {
				t.Fatalf("row %d is skipped as %+v", s.Row, s)
			}
		}
	}
	if got != rows-rows/7 || skipped != rows/7+1 {
		t.Errorf("%d recipients and %d skipped of %d rows", got, skipped, rows+1)
	}
}
