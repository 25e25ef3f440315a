package batch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// testNumber is the phone number of row i of a list.
func testNumber(i int) string { return fmt.Sprintf("55119%08d", 10_000_000+i) }

// readOut reads a list to its end or its error.
func readOut(list string, o Options) (recipients, skipped int, err error) {
	r, err := NewReader(strings.NewReader(list), o)
	for err == nil {
		var b *Batch
		if b, err = r.Next(); err == nil {
			recipients, skipped = recipients+len(b.Recipients), skipped+len(b.Skipped)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return recipients, skipped, err
}

// A cell may be long; one that is too long costs its row, and no line inside it
// is ever a row.
func TestLongCells(t *testing.T) {
	t.Parallel()
	o := Options{Phone: "phone", Columns: []Column{{Name: "name"}}}
	note := func(size int) string { return strings.Repeat(testNumber(9)+",stranger,x\n", size/25) }
	rest := testNumber(2) + ",Bia,\n"
	for name, tt := range map[string]struct {
		list                string
		recipients, skipped int
	}{
		"just under 1 MiB":      {testNumber(1) + ",Ana,\"" + note(1<<20-100) + "\"\n" + rest, 2, 0},
		"over 1 MiB":            {testNumber(1) + ",Ana,\"" + note(3<<19) + "\"\n" + rest, 1, 1},
		"over 1 MiB, in a line": {testNumber(1) + ",Ana," + strings.Repeat("x", 3<<19) + "\n" + rest, 1, 1},
		"never closed":          {testNumber(1) + ",Ana,\"\n" + strings.Repeat(rest, 100), 1, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recipients, skipped, err := readOut("phone,name,note\n"+tt.list, o)
			if err != nil || recipients != tt.recipients || skipped != tt.skipped {
				t.Errorf("%d recipients, %d skipped, %v", recipients, skipped, err)
			}
		})
	}
	_, _, err := readOut("phone,name,note\n"+rest+testNumber(1)+",Ana,\""+note(maxRow+1000), o)
	if !errors.Is(err, ErrNoEnd) || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("a quote that nobody closes for 8 MiB: %v", err)
	}
}

// What is no text costs its own row, wherever it stands, up to a bound.
func TestTroubleCostsItsRow(t *testing.T) {
	t.Parallel()
	const rows = 8000 // more than the beginning that is looked at
	list := func(bad func(i int) string) string {
		var b strings.Builder
		b.WriteString("phone,name\n")
		for i := range rows {
			fmt.Fprintf(&b, "%s,Ana%s\n", testNumber(i), bad(i))
		}
		return b.String()
	}
	for _, trouble := range []string{"\xff", "\xe9", "\x00", "\xc3"} {
		for _, at := range []int{0, 1, 500, headSize / 18, 5000, rows - 1} {
			text := list(func(i int) string {
				if i == at {
					return trouble
				}
				return ""
			})
			if recipients, skipped, err := readOut(text, Options{Phone: "phone"}); err != nil || recipients != rows-1 || skipped != 1 {
				t.Errorf("%q in row %d: %d recipients, %d skipped, %v", trouble, at, recipients, skipped, err)
			}
		}
		text := list(func(i int) string {
			if i >= 5000 && i < 5200 {
				return trouble
			}
			return ""
		})
		_, _, err := readOut(text, Options{Phone: "phone"})
		if !errors.Is(err, ErrNotText) || !strings.Contains(err.Error(), "lines 5002, 5003, 5004, 5005, 5006 and ") {
			t.Errorf("%q in many rows: %v", trouble, err)
		}
	}
}

// A file that was packed twice is no binary: the error says what to do about it. And
// what nobody sees is no part of a column's name.
func TestPackedTwice(t *testing.T) {
	t.Parallel()
	pack := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(text))
		if err = errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	list := "phone,\u200bname\ufeff\n" + testNumber(1) + ",Ana\n"
	o := Options{Phone: "phone", Columns: []Column{{Name: "name"}}}
	if recipients, _, err := readOut(pack(list), o); err != nil || recipients != 1 {
		t.Errorf("packed once: %d, %v", recipients, err)
	}
	if _, _, err := readOut(pack(pack(list)), o); err == nil || !strings.Contains(err.Error(), "packed twice") {
		t.Errorf("packed twice: %v", err)
	}
}

// The line of a row does not depend on the pieces in which the text comes: a CR and
// its LF are one line end, wherever a piece ends.
func TestLinesInPieces(t *testing.T) {
	t.Parallel()
	s := newSplitter(iotest.OneByteReader(strings.NewReader("phone,name\r\n1,a\r\n\r2,b\r\n")))
	s.delimiter = ','
	for _, line := range []int{1, 2, 4} {
		if wrong, err := s.row(); wrong != "" || err != nil || s.line != line || len(s.cells) != 2 {
			t.Errorf("line %d, not %d: %q, %v", s.line, line, wrong, err)
		}
	}
}

// No batch has more rows than is said, whatever they are.
func TestBatchesAreBounded(t *testing.T) {
	t.Parallel()
	r, err := NewReader(strings.NewReader("phone\n"+testNumber(1)+"\n"+strings.Repeat("12\n", 2*maxSkipped+1)), Options{Phone: "phone"})
	rows := 0
	for err == nil {
		var b *Batch
		if b, err = r.Next(); err == nil {
			rows += len(b.Recipients) + len(b.Skipped)
			if len(b.Skipped) > maxSkipped {
				t.Errorf("%d skipped rows in one", len(b.Skipped))
			}
		}
	}
	if !errors.Is(err, io.EOF) || rows != 2*maxSkipped+2 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// Where no delimiter has the columns that are needed, the error names those of the
// one that cuts most.
func TestMissingColumnNamesTheOthers(t *testing.T) {
	t.Parallel()
	_, _, err := readOut("Phone;Name;City\n1;a;b\n", Options{Phone: "phone"})
	if err == nil || !strings.Contains(err.Error(), "the columns are: Phone, Name, City") {
		t.Error(err)
	}
}
