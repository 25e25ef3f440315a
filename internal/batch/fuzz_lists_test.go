package batch

import (
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is no header is refused without a word of it where it may be somebody, and
// what is shown of a header is bounded.
func FuzzHeader(f *testing.F) {
	f.Add("628123456789", "Ana Souza")
	f.Add("Ana", "ana@example.com")
	f.Add("Phone\n(mobile)", strings.Repeat("é", 100))
	f.Add("sep=;", "x|y;\"z\"")
	f.Add("2024-11-03", "\x00")
	f.Fuzz(func(t *testing.T, a, b string) {
		var list strings.Builder
		w := csv.NewWriter(&list)
		if w.Write([]string{a, b}) != nil {
			return
		}
		w.Flush()
		_, err := NewReader(strings.NewReader(list.String()), Options{Phone: "the phone column", Columns: []Column{{Name: "the other column"}}})
		if err == nil {
			t.Fatalf("%q, %q: taken for a header", a, b)
		}
		said := err.Error()
		if len(said) > 1000+maxNames*utf8.UTFMax*(maxName+5) {
			t.Fatalf("an error of %d bytes", len(said))
		}
		if regexp.MustCompile(`[0-9]{7}|\S@\S`).MatchString(said) {
			t.Fatalf("%q, %q: shown as %v", a, b, err)
		}
	})
}

// A list in the encoding that it is said to be in is read as it was written or
// refused; nothing is ever read as something else, and no error shows anything of
// it.
func FuzzEncoding(f *testing.F) {
	for i := range candidates() {
		f.Add("Müller", uint8(i))
		f.Add("李雷 and 张三", uint8(i))
		f.Add("Жанна d'Arc", uint8(i))
	}
	f.Fuzz(func(t *testing.T, name string, which uint8) {
		all := append([]string{utf8Name, utf16le, utf16be}, candidates()...)
		encoding := all[int(which)%len(all)]
		if strings.ContainsAny(name, "\x00\r\n\",;|\t\ufffd") {
			return
		}
		text, err := decoder(encoding).NewEncoder().String("phone,name\n5511987654321," + name + "\n5511987654322,plain\n")
		if err != nil {
			return // not to be written so
		}
		if back, err := decoder(encoding).NewDecoder().String(text); err != nil || !strings.Contains(back, ","+name+"\n") {
			return // it cannot be told apart in that encoding
		}
		r, err := NewReader(strings.NewReader(text), Options{Phone: "phone", Columns: []Column{{Name: "name"}}, Encoding: encoding})
		if err == nil {
			var b *Batch
			if b, err = r.Next(); err == nil {
				if len(b.Recipients) > 0 && b.Recipients[0].Row == 1 && b.Recipients[0].Vars[0] != string(trim([]byte(name))) {
					t.Fatalf("%s: %q was read as %q", encoding, name, b.Recipients[0].Vars[0])
				}
				return
			}
		}
		said := err.Error()
		if errors.Is(err, io.EOF) || strings.ContainsFunc(said, func(c rune) bool { return c >= utf8.RuneSelf }) || strings.Contains(said, "551198") {
			t.Fatalf("%s: %q: %v", encoding, name, err)
		}
	})
}

// Whatever the bytes and what they are said to be: an error of the encoding names
// lines and encodings, and nothing of the list.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("phone,name\n5511987654321,M\xfcller\n5511987654322,M\xfcller\n"), "")
	f.Add([]byte("phone,name\n5511987654321,\xd5\xc5\xc8\xfd\n"), "windows-1252")
	f.Add([]byte("\xff\xfep\x00h\x00"), "utf-8")
	f.Add([]byte("phone\x00\x00\x00"), "gbk")
	f.Fuzz(func(t *testing.T, list []byte, encoding string) {
		_, err := decode(strings.NewReader(string(list)), Auto)
		if name, parsed := ParseEncoding(encoding); parsed == nil && err == nil {
			_, err = decode(strings.NewReader(string(list)), name)
		}
		if !errors.Is(err, ErrNotText) {
			return
		}
		if said := err.Error(); strings.ContainsFunc(said, func(c rune) bool { return c >= utf8.RuneSelf }) || len(said) > 500 {
			t.Fatalf("%q", said)
		}
	})
}
