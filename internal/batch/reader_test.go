package batch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// readAll reads an input to its end.
func readAll(t testing.TB, input string, o Options) (recipients []Recipient, skipped []Skipped, batches []*Batch) {
	t.Helper()
	r, err := NewReader(strings.NewReader(input), o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return recipients, skipped, batches
		}
		if err != nil {
			t.Fatal(err)
		}
		recipients = append(recipients, b.Recipients...)
		skipped = append(skipped, b.Skipped...)
		batches = append(batches, b)
	}
}

func TestReaderRows(t *testing.T) {
	t.Parallel()
	name := []Column{{Name: "name"}}
	needed := []Column{{Name: "name", Required: true}}
	tests := []struct {
		name    string
		input   string
		o       Options
		phones  string
		skipped string // line:kind of each
	}{
		{"plain", "phone,name\n5511987654321,Ana\n5511987654322,Bia\n", Options{Columns: name}, "5511987654321 5511987654322", ""},
		{"byte order mark, CRLF, semicolon", "\ufeffname;phone\r\nAna;+55 11 98765-4321\r\n", Options{Columns: name}, "5511987654321", ""},
		{"tab, no line end at the end", "name\tphone\nAna\t5511987654321", Options{Columns: name}, "5511987654321", ""},
		{"quoted new line", "phone,name\n5511987654321,\"Ana\nMaria\"\n5511987654322,Bia\n", Options{Columns: name}, "5511987654321 5511987654322", ""},
		{"quoted quote and delimiter", "phone,name\n5511987654321,\"Ana \"\"A\"\", Bia\"\n", Options{Columns: name}, "5511987654321", ""},
		{"ragged", "phone,name\n5511987654321\n5511987654322,Bia,x\n5511987654323,C\n", Options{Columns: name}, "5511987654321 5511987654323", "3:invalid"},
		{"bad quote", "phone,name\n5511987654321,\"Ana\"x\n5511987654322,B\"ia\n5511987654323,C\n", Options{}, "5511987654323", "2:invalid 3:invalid"},
		{"open quote", "phone,name\n5511987654321,\"Ana\n5511987654322,Bia\n5511987654323,C\n", Options{}, "5511987654322 5511987654323", "2:invalid"},
		{"no phone", "phone,name\n,Ana\n5511987654322,Bia\n", Options{}, "5511987654322", "2:invalid"},
		{"a variable is missing", "phone,name\n5511987654321,\n5511987654322,Bia\n", Options{Columns: needed}, "5511987654322", "2:invalid"},
		{"a variable with a fallback is not", "phone,name\n5511987654321,\n", Options{Columns: name}, "5511987654321", ""},
		{"duplicates: the first counts", "phone,name\n+55 11 98765-4321,A\n5511987654321,B\n005511987654321,C\n", Options{}, "5511987654321", "3:duplicate 4:duplicate"},
		{"an invalid row takes no number", "phone,name\n5511987654321,\n5511987654321,B\n", Options{Columns: needed}, "5511987654321", "2:invalid"},
		{"blank lines are no rows", "\n\nphone,name\n\n5511987654321,A\n\n\nx,B\n", Options{}, "5511987654321", "8:invalid"},
		{"broken text", "phone,name\n5511987654321,A\n5511987654322,\xff\n5511987654323,C\n", Options{}, "5511987654321 5511987654323", "3:invalid"},
		{"a NUL", "phone,name\n5511987654321,A\x00\n5511987654322,B\n", Options{}, "5511987654322", "2:invalid"},
		{"CR alone", "phone,name\r5511987654321,A\r\r5511987654322,\"B\rC\"\rx,D", Options{}, "5511987654321 5511987654322", "6:invalid"},
		{"all ends of lines", "phone,name\r\n5511987654321,A\n5511987654322,B\r5511987654323,C\r\nx,D\n", Options{}, "5511987654321 5511987654322 5511987654323", "5:invalid"},
		{"pipes", "name|phone\nA,B|5511987654321\n", Options{}, "5511987654321", ""},
		{"sep= in quotes, any delimiter", "\"sep=^\"\r\nname^phone\r\nA^5511987654321\r\n", Options{}, "5511987654321", ""},
		{"sep= beats what is more", "sep=;\nphone;a,b,c\n5511987654321;\n", Options{}, "5511987654321", ""},
		{"a surplus cell with text", "phone,name\n5511987654321,A,,x\n5511987654322,B,  ,\n", Options{}, "5511987654322", "2:invalid"},
		{"rows of empty cells", "phone,name\n,\n , \t\n\"\",\n5511987654321,A\n,,,,\n", Options{}, "5511987654321", ""},
		{"a number in a note is no row", "phone,note\n5511987654321,\"call\n5511987654322,x\n\"\n", Options{}, "5511987654321", ""},
		{"quotes in a note that are not doubled", "phone,note\n5511987654321,\"he said \"hi\"\n5511987654322,call\n\nbye\",Ana\n5511987654323,C\n", Options{}, "5511987654323", "2:invalid 3:invalid 5:invalid"},
		{"a quote of inches", "phone,name\n5511987654321,TV 5\"\n5511987654322,B\n5511987654323,TV 6\"\n5511987654324,D\n", Options{}, "5511987654322 5511987654324", "2:invalid 4:invalid"},
		{"a quote that ends early, and nothing that closes", "phone,name\n5511987654321,\"A\"b\"c\n5511987654322,B\n5511987654323,\"C\"\n", Options{}, "5511987654322 5511987654323", "2:invalid"},
		{"a quote that closes late and wrongly", "phone,name\n5511987654321,\"Ana\n5511987654322,Bia\n5511987654323,\"C\"\n", Options{}, "5511987654322 5511987654323", "2:invalid"},
		{"spaces around a number", "phone,name\n \u00a05511987654321\t,A\n", Options{}, "5511987654321", ""},
		{"header alone", "phone,name\n", Options{}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Phone = "phone"
			recipients, skipped, _ := readAll(t, tt.input, tt.o)
			var phones, lines []string
			for _, r := range recipients {
				phones = append(phones, r.Phone)
			}
			for _, s := range skipped {
				lines = append(lines, fmt.Sprintf("%d:%s", s.Line, s.Kind))
				if s.Reason == "" {
					t.Errorf("line %d was skipped without a reason", s.Line)
				}
			}
			if diff := cmp.Diff(tt.phones, strings.Join(phones, " ")); diff != "" {
				t.Error("phones:", diff)
			}
			if diff := cmp.Diff(tt.skipped, strings.Join(lines, " ")); diff != "" {
				t.Error("skipped:", diff)
			}
		})
	}
}

func TestReaderValues(t *testing.T) {
	t.Parallel()
	recipients, _, _ := readAll(t, "a,phone,b\n\"x \"\"y\"\"\nz\",5511987654321,2\n", Options{Phone: "phone", Columns: []Column{{Name: "b"}, {Name: "a"}}})
	want := []Recipient{{Row: 1, Phone: "5511987654321", Vars: []string{"2", "x \"y\"\nz"}}}
	if diff := cmp.Diff(want, recipients); diff != "" {
		t.Error(diff)
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	gbk, _ := simplifiedchinese.GBK.NewEncoder().String("phone,名字\n8613800138000,张三\n")
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("phone,name\n")
	cut := "phone,名字\n" + strings.Repeat("8613800138000,张三\n", headSize/21+1) // in the middle of a character
	for utf8.ValidString(cut[:headSize]) {
		cut = "x" + cut
	}
	tests := []struct {
		name, input string
		o           Options
		want        string
	}{
		{"empty", "", Options{Phone: "phone"}, "empty"},
		{"no such column", "Phone,name\n", Options{Phone: "phone"}, `there is no column "phone"; the columns are: Phone, name`},
		{"no such placeholder", "phone,name\n", Options{Phone: "phone", Columns: []Column{{Name: "sku"}}}, `{{sku}}}: there is no column "sku"; the columns are: phone, name`},
		{"two of a column", "phone,name,phone\n", Options{Phone: "phone"}, "two columns"},
		{"binary", "phone\x00name\n", Options{Phone: "phone"}, "binary"},
		{"a workbook", "PK\x03\x04....", Options{Phone: "phone"}, "save it as CSV"},
		{"gbk without saying so", gbk, Options{Phone: "phone"}, "recipients.encoding: gb18030"},
		{"utf-16 said to be utf-8", utf16, Options{Phone: "phone", Encoding: "UTF-8"}, "recipients.encoding: utf-16"},
		{"no utf-16", "phone,name\n", Options{Phone: "phone", Encoding: "utf-16"}, "not UTF-16"},
		{"utf-16 as gbk", utf16, Options{Phone: "phone", Encoding: "gbk"}, "begins as UTF-16 does and not as gb18030"},
		{"utf-8 as gbk", "phone,名字\n8613800138000,张三\n", Options{Phone: "phone", Encoding: "gbk"}, "recipients.encoding: utf-8"},
		{"utf-8 as gbk, cut in a character", cut, Options{Phone: "phone", Encoding: "gbk"}, "recipients.encoding: utf-8"},
		{"three characters of utf-8 as gbk", "phone,name\n8613800138000,张小三\n", Options{Phone: "phone", Encoding: "gbk"}, "recipients.encoding: utf-8"},
		{"a header that is no gbk", "phone,na\xffme\n", Options{Phone: "phone", Encoding: "gbk"}, "line 1: not gb18030"},
		{"no such encoding", "phone\n", Options{Phone: "phone", Encoding: "klingon"}, `no encoding "klingon"`},
		{"an encoding of none", "phone\n", Options{Phone: "phone", Encoding: "iso-2022-kr"}, "cannot be read"},
		{"a long name", strings.Repeat("n", 41) + ",x\n", Options{Phone: "phone"}, "the columns are: " + strings.Repeat("n", 40) + "..., x"},
		{"an address for a header", "Ana,ana@example.com\n", Options{Phone: "phone"}, "looks like data"},
		{"nothing but a letter for a delimiter", "sep=x\nphonexname\n", Options{Phone: "phone"}, "sep= names no delimiter"},
		{"no such country", "phone\n", Options{Phone: "phone", DefaultCountry: "XX"}, `no country "XX"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewReader(strings.NewReader(tt.input), tt.o)
			if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(tt.want, "}}}", "}}")) {
				t.Fatalf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestReaderDecodes(t *testing.T) {
	t.Parallel()
	const text = "phone,名字\n8613800138000,张三\n"
	pack := func(w func(io.Writer) io.WriteCloser) string {
		var b bytes.Buffer
		z := w(&b)
		io.WriteString(z, text)
		z.Close()
		return b.String()
	}
	gbk, _ := simplifiedchinese.GBK.NewEncoder().String(text)
	utf16, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(text)
	for name, in := range map[string]struct{ input, encoding string }{
		"utf-8":  {text, ""},
		"gbk":    {gbk, "gbk"},
		"utf-16": {utf16, "utf-16"},
		"gzip":   {pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }), ""},
		"zstd":   {pack(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, _ := readAll(t, in.input, Options{Phone: "phone", Encoding: in.encoding, Columns: []Column{{Name: "名字"}}})
			if diff := cmp.Diff([]Recipient{{Row: 1, Phone: "8613800138000", Vars: []string{"张三"}}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Text that is not of the encoding costs its own row and no other, whatever the
// encoding; so does a U+FFFD, but for one that a UTF-8 file holds itself.
func TestReaderRefusesRowsOfBrokenText(t *testing.T) {
	t.Parallel()
	gbk := func(text string) string {
		s, err := simplifiedchinese.GBK.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	utf16 := func(text string) string {
		s, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := "8613800138000,张三\n"
	for name, tt := range map[string]struct {
		input, encoding string
		skipped         string // lines
	}{
		"gbk":                           {gbk("phone,名字\n"+good) + "8613800138001,\xff\n" + gbk("8613800138002,李四\n"), "gbk", "3"},
		"gbk, half a character":         {gbk("phone,名字\n"+good) + "8613800138001,\xc0\n" + gbk("8613800138002,李四\n"), "gbk", "3"},
		"gbk, a pair that is none":      {gbk("phone,名字\n"+good) + "8613800138001,\xa2\xa0\n" + gbk("8613800138002,李四\n"), "gbk", "3"},
		"gbk, in quotes":                {gbk("phone,名字\n"+good) + "8613800138001,\"a\n\xff\"\n" + gbk("8613800138002,李四\n"), "gbk", "3"},
		"gbk, at the end":               {gbk("phone,名字\n"+good+"8613800138002,李四\n") + "8613800138001,\xc0", "gbk", "4"},
		"gbk, UTF-8 by chance":          {gbk("phone,name\n") + "8613800138000,\xc2\xa1\n" + gbk("8613800138002,Li\n"), "gbk", ""},
		"utf-16":                        {utf16("phone,名字\n"+good+"8613800138001,") + "\x00\xd8" + utf16("\n8613800138002,李四\n")[2:], "utf-16", "3"},
		"utf-16, half a unit":           {utf16("phone,名字\n"+good+"8613800138002,李四\n8613800138001,x") + "x", "utf-16", "4"},
		"utf-8 that holds it by itself": {"phone,名字\n" + good + "8613800138002,\ufffd\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recipients, skipped, _ := readAll(t, tt.input, Options{Phone: "phone", Encoding: tt.encoding})
			var lines []string
			for _, s := range skipped {
				lines = append(lines, fmt.Sprint(s.Line))
				if s.Kind != Invalid || s.Reason != string(badText) {
					t.Errorf("line %d: %s, %s", s.Line, s.Kind, s.Reason)
				}
			}
			if diff := cmp.Diff(tt.skipped, strings.Join(lines, " ")); diff != "" {
				t.Error("skipped:", diff)
			}
			if len(recipients) != 2 {
				t.Errorf("%d recipients", len(recipients))
			}
		})
	}
}

func TestReaderNamesTheLineOfATruncatedFile(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprintln(z, "phone")
	for i := range 100_000 {
		fmt.Fprintf(z, "55119%08d\n", i*7919%100000000)
	}
	z.Close()
	r, err := NewReader(bytes.NewReader(b.Bytes()[:b.Len()/2]), Options{Phone: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "line ") {
		t.Fatal(err)
	}
}
