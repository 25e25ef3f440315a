package batch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkAll reads an input to its end and holds the batches to what they promise:
// bounded, in order, without a gap, and the same when read again.
func checkAll(t interface {
	Helper()
	Fatalf(string, ...any)
}, input []byte, o Options,
) (recipients, skipped int) {
	t.Helper()
	read := func() (digests [][16]byte, recipients, skipped int, last error) {
		r, err := NewReader(bytes.NewReader(input), o)
		if err != nil {
			return nil, 0, 0, err
		}
		next := 1
		for {
			b, err := r.Next()
			if err != nil {
				if errors.Is(err, io.EOF) && r.Rows() != recipients+skipped {
					t.Fatalf("%d rows were read, %d and %d came out", r.Rows(), recipients, skipped)
				}
				return digests, recipients, skipped, err
			}
			if len(b.Recipients) > MaxRecipients || len(b.Skipped) > maxSkipped || b.N != len(digests) {
				t.Fatalf("batch %d has %d recipients and %d skipped rows", b.N, len(b.Recipients), len(b.Skipped))
			}
			i, k := 0, 0
			for i < len(b.Recipients) || k < len(b.Skipped) {
				switch {
				case i < len(b.Recipients) && b.Recipients[i].Row == next:
					i++
				case k < len(b.Skipped) && b.Skipped[k].Row == next:
					if b.Skipped[k].Reason == "" {
						t.Fatalf("row %d was skipped without a reason", next)
					}
					k++
				default:
					t.Fatalf("row %d is missing", next)
				}
				next++
			}
			for i := range b.Recipients {
				if n := len(b.Recipients[i].Phone); n < 7 || n > 15 || b.Recipients[i].Phone[0] == '0' {
					t.Fatalf("row %d has a number of %d digits", b.Recipients[i].Row, n)
				}
				if len(b.Recipients[i].Vars) != len(o.Columns) {
					t.Fatalf("row %d has %d values", b.Recipients[i].Row, len(b.Recipients[i].Vars))
				}
			}
			recipients, skipped = recipients+len(b.Recipients), skipped+len(b.Skipped)
			digests = append(digests, b.Digest)
		}
	}
	d1, recipients, skipped, err1 := read()
	d2, _, _, err2 := read()
	if !slices.Equal(d1, d2) || fmt.Sprint(err1) != fmt.Sprint(err2) {
		t.Fatalf("the same bytes gave other batches")
	}
	return recipients, skipped
}

// No input ends in a panic, loses a row, or gives other batches when it is read
// again.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"phone,name\n5511987654321,Ana\n", "phone;name\r\n\"55\"\"1\",x\n\n,,\n", "\ufeffphone\tname\n+55 11\t\"a\nb\"\n",
		"phone,name\n\"open,x\n5511987654321,y\n", "phone\n8.6138E+12\n", "\x1f\x8bphone", "phone,name\n5511987654321,\xff\n",
	} {
		f.Add([]byte(s), "")
		f.Add([]byte(s), "gbk")
		f.Add([]byte(s), "utf-16")
	}
	f.Fuzz(func(t *testing.T, input []byte, encoding string) {
		checkAll(t, input, Options{Phone: "phone", Columns: []Column{{Name: "name"}}, DefaultCountry: "BR", Encoding: encoding})
	})
}

// Whatever rows there are, each comes out once, and well-formed ones as
// encoding/csv reads them.
func TestReaderAgreesWithEncodingCSV(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zà-ú,;"' \n|]{0,12}`)
		var rows [][]string
		for i := range rapid.IntRange(0, 60).Draw(t, "rows") {
			rows = append(rows, []string{fmt.Sprintf("55119%08d", i), cell.Draw(t, "a"), cell.Draw(t, "b")})
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		for _, row := range append([][]string{{"phone", "a", "b"}}, rows...) {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		r, err := NewReader(&b, Options{Phone: "phone", Columns: []Column{{Name: "a"}, {Name: "b"}}})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			batch, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(batch.Skipped) > 0 {
				t.Fatalf("%v, %+v", err, batch.Skipped)
			}
			for _, got := range batch.Recipients {
				want := rows[n]
				// encoding/csv writes \n as \r\n inside quotes too, with UseCRLF.
				a, b := strings.ReplaceAll(got.Vars[0], "\r\n", "\n"), strings.ReplaceAll(got.Vars[1], "\r\n", "\n")
				if got.Phone != want[0] || a != strings.TrimSpace(want[1]) || b != strings.TrimSpace(want[2]) {
					t.Fatalf("row %d: %+v, want %q", n+1, got, want)
				}
				n++
			}
		}
		if n != len(rows) {
			t.Fatalf("%d of %d rows", n, len(rows))
		}
	})
}

// Rows with every trouble, in any order, are each accounted for.
func TestReaderAccountsForEveryRow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString("phone,name\n")
		rows := 0
		for range rapid.IntRange(0, 3000).Draw(t, "rows") {
			rows++
			switch rapid.IntRange(0, 12).Draw(t, "kind") {
			case 0:
				b.WriteString("8.6138E+12,x\n")
			case 1:
				b.WriteString(",x\n")
			case 2:
				b.WriteString("5511987654321,x,y\n")
			case 3:
				b.WriteString("5511987654321,\"x\"y\n")
			case 4:
				b.WriteString("5511987654321,dup\n")
			case 5:
				b.WriteString("5511987654321,\xff\xfe\n")
			default:
				fmt.Fprintf(&b, "55119%08d,n\n", rapid.IntRange(0, 99_999_999).Draw(t, "phone"))
			}
		}
		if !utf8.ValidString(b.String()[:min(headSize, b.Len())]) {
			return // refused as a whole
		}
		recipients, skipped := checkAll(t, []byte(b.String()), Options{Phone: "phone", Columns: []Column{{Name: "name"}}})
		if recipients+skipped != rows {
			t.Fatalf("%d rows, %d recipients and %d skipped", rows, recipients, skipped)
		}
	})
}
