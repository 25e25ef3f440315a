package batch

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// plainRows writes rows of ASCII alone, more than the beginning that is looked at.
func plainRows() string {
	var b strings.Builder
	b.WriteString("phone,name\n")
	for i := range 4_000 {
		fmt.Fprintf(&b, "+55119%08d,Ana Maria\n", 10_000_000+i)
	}
	return b.String()
}

// readToEnd reads a list, and says why it was refused.
func readToEnd(text, encoding string) (rows int, err error) {
	r, err := NewReader(iotest.HalfReader(strings.NewReader(text)), Options{Phone: "phone", Columns: []Column{{Name: "name"}}, Encoding: encoding})
	for err == nil {
		var b *Batch
		if b, err = r.Next(); err == nil {
			rows += len(b.Recipients)
		}
	}
	return rows, err
}

// A list is refused that is plainly in another encoding than was said, wherever that
// shows.
func TestAWrongEncodingShowsLate(t *testing.T) {
	t.Parallel()
	head := plainRows()
	latin := func(text string) string {
		out, err := charmap.Windows1252.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tt := range []struct {
		name, encoding, tail string
		refused              string // "" where it is as was said
	}{
		{"one name in UTF-8", "windows-1252", "+5511987654321,São\n", "is UTF-8"},
		{"in the last line, which does not end", "windows-1252", "+5511987654321,São", "is UTF-8"},
		{"names of three bytes", "gb18030", "+5511987654321,李雷\n", "is UTF-8"},
		{"and lines that are none", "windows-1252", "+5511987654321,São\n" + latin("+5511987654322,São\n+5511987654323,João\n"), ""},
		{"as was said", "windows-1252", latin("+5511987654321,São\n"), ""},
		{"a pair that is UTF-8 by chance", "gb18030", "+5511987654321,\xc3\xa3\n", ""},
		{"another of one byte", "gb18030", strings.Repeat(latin("+5511987654321,Jürgen Müller\n"), 3), "scripts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := readToEnd(head+tt.tail, tt.encoding)
			if got := errors.Is(err, ErrNotText); got != (tt.refused != "") || got && !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Where the beginning of a UTF-16 file ends is no trouble of the file's, though a
// character is cut in two there.
func TestUTF16IsCutWhereItsBeginningEnds(t *testing.T) {
	t.Parallel()
	text := "\ufeffphone,name\n+5511987654321,"
	text += strings.Repeat("x", headSize/2-1-len([]rune(text))) + "😀\n"
	encoded, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(text)
	if err != nil || encoded[headSize-1]&0xfc != 0xd8 {
		t.Fatalf("no character is cut: %x, %v", encoded[headSize-4:headSize+4], err)
	}
	if rows, err := readToEnd(encoded, "utf-16"); rows != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("%d rows, %v", rows, err)
	}
}
