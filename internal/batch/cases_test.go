package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// caseFile is a file of testdata. What stands there as a program that prints a
// list is that list.
func caseFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if name == "24-note-of-101-lines.py" {
		return []byte("phone,note,name\n6281234567828,\"" + strings.Repeat("6281299999999,please do not send,Victim\n", 101) + "\",Ana\n6281234567829,ok,Budi\n")
	}
	return data
}

// What people's lists are read as: each a small file that stands for a kind.
func TestLists(t *testing.T) {
	t.Parallel()
	name, called := []Column{{Name: "name", Fold: true}}, func(column string) []Column { return []Column{{Name: column, Fold: true}} }
	for _, tt := range []struct {
		file    string
		o       Options
		want    string // number and values of each recipient
		skipped string // line: reason
		folded  int
	}{
		{"01-param-newline.csv", Options{Columns: name}, "6281299990001 Ana Maria|6281300000001 Budi|6281300000002 Ana B|6281300000003 A B", "", 3},
		{"09-cr-only.csv", Options{Columns: name}, "6281234567801 Ana|6281234567802 Budi", "", 0},
		{"11-cp1252-de.csv", Options{Phone: "Telefon", Columns: called("Name"), Encoding: "Windows-1252"}, "6281234567801 Jürgen Müller|6281234567802 Renée – Bäcker", "", 0},
		{"12-utf8-with-one-cp1252-row.csv", Options{Columns: name}, "6281234567803 João Conceição|6281234567804 Antônio", "4: " + string(badText), 0},
		{"13-gb18030.csv", Options{Phone: "手机号", Columns: called("姓名"), Encoding: "gbk"}, "6281234567817 张三|6281234567818 𬭎子", "", 0},
		{"13-gb18030.csv", Options{Phone: "手机号", Columns: called("姓名"), Encoding: "GB18030"}, "6281234567817 张三|6281234567818 𬭎子", "", 0},
		{"14-double-bom.csv", Options{Columns: name}, "6281234567815 Ana", "", 0},
		{"15-short-rows.csv", Options{Columns: append(called("note"), name...)}, "6281234567808 vip Ana|6281234567809  Budi|6281234567810  Cici", "", 0},
		{"16-surplus-empty-cells.csv", Options{Columns: name}, "6281234567811 Ana|6281234567812 Budi", "", 0},
		{"17-sep-line.csv", Options{Columns: name}, "6281234567805 Ana", "", 0},
		{"18-header-cell-with-newline.csv", Options{Phone: "Phone\n(mobile)", Columns: name}, "6281234567806 Ana", "", 0},
		{"18-header-cell-with-newline.csv", Options{Phone: "Phone (mobile)", Columns: name}, "6281234567806 Ana", "", 0},
		{"19-delimiter-tie.csv", Options{Columns: called("name, full")}, "6281234567801 A", "", 0},
		{"22-space-for-a-name.csv", Options{Columns: name}, "6281234567801 |6281234567802 |6281234567803 |6281234567804 Ana", "", 0},
		{"24-note-of-101-lines.py", Options{Columns: name}, "6281234567828 Ana|6281234567829 Budi", "", 0},
		{"25-nul-early.csv", Options{Columns: name}, "6281234567820 Budi", "2: " + string(badNUL), 0},
		{"27-spreadsheet-tail.csv", Options{Columns: name}, "6281234567813 Ana", "", 0},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			if tt.o.Phone == "" {
				tt.o.Phone = "phone"
			}
			recipients, skipped, batches := readAll(t, string(caseFile(t, tt.file)), tt.o)
			var got, lines []string
			for _, r := range recipients {
				got = append(got, r.Phone+" "+strings.Join(r.Vars, " "))
			}
			for _, s := range skipped {
				lines = append(lines, fmt.Sprintf("%d: %s", s.Line, s.Reason))
			}
			folded := 0
			for _, b := range batches {
				folded += b.Folded
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "|")); diff != "" {
				t.Error("recipients:", diff)
			}
			if diff := cmp.Diff(tt.skipped, strings.Join(lines, "|")); diff != "" {
				t.Error("skipped:", diff)
			}
			if folded != tt.folded {
				t.Errorf("%d rows with folded values, want %d", folded, tt.folded)
			}
		})
	}
}

// What is refused of people's lists says what to write, and shows nothing of them.
func TestListsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file     string
		o        Options
		says     string
		saysNot  []string
		mustName []string
	}{
		{"10-headerless.csv", Options{Phone: "phone"}, "the first line looks like data; a header is needed", []string{"62812", "Ana"}, nil},
		{"11-cp1252-de.csv", Options{Phone: "Telefon"}, "lines 2, 3: not utf-8", []string{"gbk", "gb18030", "rgen", "62"}, []string{"windows-1252"}},
		{"11-cp1252-de.csv", Options{Phone: "Telefon", Encoding: "gbk"}, "mix scripts", []string{"rgen", "62"}, []string{"windows-1252"}},
		{"12-utf8-with-one-cp1252-row.csv", Options{Phone: "phone", Encoding: "gbk"}, "mix scripts that do not belong together; set recipients.encoding: utf-8", []string{"Jo", "62"}, nil},
		{"12-utf8-with-one-cp1252-row.csv", Options{Phone: "phone", Encoding: "windows-1252"}, "the file is UTF-8 and not windows-1252", []string{"Jo", "62"}, nil},
		{"13-gb18030.csv", Options{Phone: "手机号"}, "not utf-8", []string{"62", "windows"}, []string{"gb18030"}},
		{"20-facebook-leads.csv", Options{Phone: "phone_number", Encoding: "utf-8"}, "recipients.encoding: utf-16", []string{"62"}, nil},
	} {
		t.Run(tt.file+" "+tt.o.Encoding, func(t *testing.T) {
			t.Parallel()
			_, err := NewReader(bytes.NewReader(caseFile(t, tt.file)), tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %q in it", err, tt.says)
			}
			for _, word := range tt.mustName {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v: does not name %s", err, word)
				}
			}
			for _, word := range tt.saysNot {
				if strings.Contains(strings.TrimPrefix(err.Error(), ErrNotText.Error()), word) {
					t.Errorf("%v: says %s", err, word)
				}
			}
		})
	}
}

// A UTF-16 file with its mark needs nothing said, and may be named in any way.
func TestListsInUTF16(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"", "auto", "utf-16", "UTF-16LE"} {
		r, err := NewReader(bytes.NewReader(caseFile(t, "20-facebook-leads.csv")), Options{Phone: "phone_number", Columns: []Column{{Name: "full_name"}}, Encoding: encoding})
		if err != nil {
			t.Errorf("%q: %v", encoding, err)
			continue
		}
		if _, err := r.Next(); err != nil && !errors.Is(err, io.EOF) || r.Rows() != 2 {
			t.Errorf("%q: %d rows, %v", encoding, r.Rows(), err)
		}
	}
}
