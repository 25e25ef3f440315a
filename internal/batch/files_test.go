package batch

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// several opens files one after the other, the first apart.
func several(files ...string) (io.Reader, func() (io.Reader, string, error)) {
	n := 0
	return strings.NewReader(files[0]), func() (io.Reader, string, error) {
		if n++; n >= len(files) {
			return nil, "", io.EOF
		}
		return strings.NewReader(files[n]), fmt.Sprintf("%d.csv", n), nil
	}
}

// drain reads all batches.
func drain(t *testing.T, in io.Reader, o Options) ([]*Batch, *Reader, error) {
	t.Helper()
	r, err := NewReader(in, o)
	if err != nil {
		return nil, nil, err
	}
	var all []*Batch
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, r, nil
		}
		if err != nil {
			return all, r, err
		}
		all = append(all, b)
	}
}

// Several files are one list: batches, rows, duplicates and fingerprint are those of
// one file that has their rows, whatever order and delimiter their columns have.
func TestSeveralFilesAreOneList(t *testing.T) {
	t.Parallel()
	var a, b, c, one strings.Builder
	a.WriteString("phone,name,note\n")
	b.WriteString("\xef\xbb\xbfsep=;\nnote;other;name;phone\n")
	c.WriteString("name\tphone\r\n")
	one.WriteString("phone,name,note\n")
	for i := range 3100 {
		number := fmt.Sprintf("55119%08d", 10000000+i*7)
		if i%50 == 0 {
			number = fmt.Sprintf("55119%08d", 10000000+i) // of a row before, now and then
		}
		if i%97 == 0 {
			number = "nobody"
		}
		switch {
		case i < 1500:
			fmt.Fprintf(&a, "%s,n%d,x\n", number, i)
		case i < 2500:
			fmt.Fprintf(&b, "x;\"y;z\";n%d;%s\n", i, number)
		default:
			fmt.Fprintf(&c, "n%d\t%s\r\n", i, number)
		}
		fmt.Fprintf(&one, "%s,n%d,x\n", number, i)
	}
	options := Options{Phone: "phone", Columns: []Column{{Name: "name"}}, Encoding: Auto, DefaultCountry: "BR"}
	want, whole, err := drain(t, strings.NewReader(one.String()), options)
	if err != nil || len(want) < 3 {
		t.Fatal(len(want), err)
	}
	in, more := several(a.String(), b.String(), c.String())
	options.More = more
	got, parts, err := drain(t, in, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	if whole.Fingerprint() != parts.Fingerprint() || whole.Rows() != parts.Rows() || whole.People().Read != parts.People().Read {
		t.Error("another list")
	}
}

// The rows of several files tell how numbers are written.
func TestSeveralFilesAreLookedAtAhead(t *testing.T) {
	t.Parallel()
	const two = "51987654321" // of Brazil's area 51, or of Peru
	files := []string{"phone\n" + two + "\n", "phone\n"}
	for i := range 100 {
		files[1] += fmt.Sprintf("+55119%08d\n", 10000000+i)
		files[1] += fmt.Sprintf("119%08d\n", 20000000+i)
	}
	in, more := several(files...)
	got, r, err := drain(t, in, Options{Phone: "phone", Encoding: Auto, DefaultCountry: "BR", More: more})
	if err != nil {
		t.Fatal(err)
	}
	want, whole, err := drain(t, strings.NewReader("phone\n"+two+"\n"+strings.TrimPrefix(files[1], "phone\n")), Options{Phone: "phone", Encoding: Auto, DefaultCountry: "BR"})
	if err != nil || whole.Fingerprint() != r.Fingerprint() {
		t.Errorf("%v: %.500s", err, cmp.Diff(want, got))
	}
}

// What is wrong with a later file is refused, and the file is named.
func TestSeveralFilesRefused(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"no column":  "phone\n5511987654322\n",
		"empty":      "",
		"a workbook": "PK\x03\x04",
	} {
		in, more := several("phone,name\n5511987654321,a\n", file)
		o := Options{Phone: "phone", Columns: []Column{{Name: "name"}}, Encoding: Auto, More: more}
		_, r, err := drain(t, in, o)
		if err == nil || r != nil && r.File() != "1.csv" {
			t.Errorf("%s: %v", name, err)
		}
		if err := CheckHeader(strings.NewReader(file), o); err == nil {
			t.Errorf("%s: its header is taken", name)
		}
	}
	if err := CheckHeader(strings.NewReader("name;phone\n"), Options{Phone: "phone", Columns: []Column{{Name: "name"}}, Encoding: Auto}); err != nil {
		t.Error(err)
	}
}
