package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// newStore is a Store with a draft named sale.
func newStore(t *testing.T) *Store {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	if err := rdb.HSet(t.Context(), keys.Campaign("sale"), "state", "draft").Err(); err != nil {
		t.Fatal(err)
	}
	return NewStore(rdb, time.Now)
}

func put(s *Store, n int, media, text string) (Part, bool, error) {
	return s.Put(context.Background(), "sale", Delivery{N: n, Media: media, Body: strings.NewReader(text), Replace: true, Lasts: time.Hour})
}

func TestScanCSV(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Part{
		"phone,name\n1,a\n2,b\n":                       {Rows: 2, Lines: 3, Header: 11, Heads: 1, Head: "phone,name", Columns: []string{"phone", "name"}},
		"phone,name\r\n1,a\r\n\r\n2,b":                 {Rows: 2, Lines: 4, Header: 12, Heads: 1, Head: "phone,name", Columns: []string{"phone", "name"}, Open: true},
		"phone;name\r1;a\r2;b\r":                       {Rows: 2, Lines: 3, Header: 11, Heads: 1, Head: "phone;name", Columns: []string{"phone", "name"}},
		"\xef\xbb\xbf\n\nsep=;\nphone;a\n1;\"x\ny\"\n": {Rows: 1, Lines: 6, Header: 19, Heads: 4, Head: "sep=;\nphone;a", Columns: []string{"phone", "a"}},
		"\"pho\nne\",\"a\"\n1,\"x\"\"\ny\"":            {Rows: 1, Lines: 4, Header: 13, Heads: 2, Head: "\"pho\nne\",\"a\"", Columns: []string{"pho ne", "a"}, Open: true},
		"phone,size\n1,5\" pipe\n2,x\n":                {Rows: 2, Lines: 3, Header: 11, Heads: 1, Head: "phone,size", Columns: []string{"phone", "size"}},
		"phone":                                        {Lines: 1, Header: 5, Heads: 1, Head: "phone", Columns: []string{"phone"}, Open: true},
	} {
		for _, size := range []int{1, 3, 1000} {
			var s csvScanner
			for b := []byte(text); len(b) > 0; {
				n := min(size, len(b))
				if wrong := s.scan(b[:n]); wrong != nil {
					t.Fatalf("%q: %v", text, wrong)
				}
				b = b[n:]
			}
			var got Part
			if wrong := s.end(&got); wrong != nil {
				t.Fatalf("%q: %v", text, wrong)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q in pieces of %d:\n%s", text, size, diff)
			}
		}
	}
	for _, text := range []string{"", "\n\n", "p\x00h\x00o\x00", strings.Repeat("x", maxHeader+1)} {
		var s csvScanner
		wrong := s.scan([]byte(text))
		if wrong == nil {
			wrong = s.end(&Part{})
		}
		if wrong == nil {
			t.Errorf("%.20q is taken", text)
		}
	}
}

func TestReadLine(t *testing.T) {
	t.Parallel()
	got, err := readLine([]byte(`{"phone":"+55","n":1.50,"big":12345678901234567890,"yes":true,"none":null, " two  words ":"x"}`))
	want := []value{{"phone", "+55"}, {"n", "1.50"}, {"big", "12345678901234567890"}, {"yes", "true"}, {"none", ""}, {"two words", "x"}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]error{
		`[1]`: errNoObject, `{"a":1} {"b":2}`: errNoObject, `{"a"`: errNoObject, `{"a":{}}`: errNested, `{"a":[1]}`: errNested,
		`{"a":1,"a":2}`: errTwice, "{\"a\":\"\xff\"}": errNoText, `{"a":1`: errNoObject, `x`: errNoObject,
	} {
		if _, err := readLine([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, not %v", text, err, want)
		}
	}
}

// FuzzReadLine: whatever the line is, it does not panic, and an error shows nothing
// of it.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte(`{"phone":"+5511987654321","a":[]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if _, err := readLine(line); err != nil && errors.As(err, new(lineError)) == false {
			t.Errorf("%v is no fixed text", err)
		}
	})
}

// FuzzHeader: the header of a text does not depend on the pieces in which it comes.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("sep=;\r\nphone;name\r\n1;2\r\n"), 3)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = min(max(size, 1), 1000)
		scan := func(size int) (Part, bool) {
			var s csvScanner
			for b := text; len(b) > 0; b = b[min(size, len(b)):] {
				if s.scan(b[:min(size, len(b))]) != nil {
					return Part{}, false
				}
			}
			var p Part
			return p, s.end(&p) == nil
		}
		whole, ok := scan(len(text) + 1)
		pieces, ok2 := scan(size)
		if ok != ok2 || ok && cmp.Diff(whole, pieces) != "" {
			t.Errorf("%v %v\n%s", ok, ok2, cmp.Diff(whole, pieces))
		}
	})
}

// TestPartsAreTheFile: a text that is cut at line ends, each piece under the header,
// reads as the text.
func TestPartsAreTheFile(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "end")
		header := rapid.SampledFrom([]string{"phone,name", "\xef\xbb\xbfphone;name", "sep=;" + end + "\"phone\";name"}).Draw(t, "header") + end
		lines := rapid.SliceOfN(rapid.StringMatching(`[0-9a-z,;"é ]{0,12}`), 0, 30).Draw(t, "lines")
		var pieces []string
		text, piece := header, header
		for i, line := range lines {
			if i < len(lines)-1 || rapid.Bool().Draw(t, "closed") {
				line += end
			}
			text, piece = text+line, piece+line
			if rapid.IntRange(0, 3).Draw(t, "cut") == 0 {
				pieces, piece = append(pieces, piece), header
			}
		}
		if piece != header || len(pieces) == 0 {
			pieces = append(pieces, piece)
		}
		all, err := s.List(context.Background(), "sale")
		if err != nil || s.DeleteAll(context.Background(), "sale", all) != nil {
			t.Fatal(err)
		}
		lineCount := 0
		for i, piece := range pieces {
			p, kept, err := put(s, i+1, CSV, piece)
			if err != nil || !kept || p.SHA256 != fmt.Sprintf("%x", sha256.Sum256([]byte(piece))) {
				t.Fatalf("%+v %v %v", p, kept, err)
			}
			lineCount += p.Lines
			if i > 0 {
				lineCount -= p.Heads
			}
		}
		if all, err = s.List(context.Background(), "sale"); err != nil {
			t.Fatal(err)
		}
		if _, err := Manifest(all); err != nil {
			t.Fatal(err)
		}
		if err := s.Complete(context.Background(), "sale", all); err != nil {
			t.Fatal(err)
		}
		r := s.Open(context.Background(), "sale", all, nil)
		defer r.Close()
		got, err := io.ReadAll(r)
		if err != nil || string(got) != text {
			t.Fatalf("%q, %v\nis not %q", got, err, text)
		}
		if n, of := At(all, lineCount); n != len(pieces) && all[len(all)-1].Lines > all[len(all)-1].Heads || of > all[n-1].Lines {
			t.Fatalf("the last line %d is line %d of part %d", lineCount, of, n)
		}
	})
}

func TestPut(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t), t.Context()
	text := "phone,name\n1,a\n"
	if _, kept, err := put(s, 1, CSV, text); err != nil || !kept {
		t.Fatal(kept, err)
	}
	if _, kept, err := put(s, 1, CSV, text); err != nil || kept {
		t.Errorf("the same again: %v, %v", kept, err)
	}
	other := Delivery{N: 1, Media: CSV, Body: strings.NewReader(text + "2,b\n"), Lasts: time.Hour}
	if _, _, err := s.Put(ctx, "sale", other); !errors.Is(err, ErrDiffers) {
		t.Error(err)
	}
	other.Body, other.Digest = strings.NewReader(text), []byte("wrong")
	if _, _, err := s.Put(ctx, "sale", other); !errors.As(err, new(*InvalidError)) {
		t.Error(err)
	}
	cut := io.MultiReader(strings.NewReader(text), failing{})
	if _, _, err := s.Put(ctx, "sale", Delivery{N: 2, Media: CSV, Body: cut, Lasts: time.Hour}); !errors.Is(err, errCut) {
		t.Error(err)
	}
	if all, err := s.List(ctx, "sale"); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	if names, err := s.rdb.Keys(ctx, "*:part:*:*").Result(); err != nil || len(names) != 0 {
		t.Errorf("%v of uploads that ended are left, %v", names, err)
	}
	// Ten times a piece, in NDJSON.
	var big bytes.Buffer
	for i := range 200_000 {
		fmt.Fprintf(&big, "{\"phone\":\"+55119%08d\",\"x\":\"%x\"}\n", i, sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	p, kept, err := put(s, 1, NDJSON, big.String())
	if err != nil || !kept || p.Rows != 200_000 || p.Chunks < 2 {
		t.Errorf("%+v %v %v", p, kept, err)
	}
	if _, err := s.List(ctx, "sale"); err != nil {
		t.Error(err)
	}
	if err := s.rdb.HSet(ctx, keys.Campaign("sale"), "state", "importing").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := put(s, 2, CSV, text); !errors.Is(err, ErrNotDraft) {
		t.Error(err)
	}
	if _, err := s.Delete(ctx, "sale", 1); !errors.Is(err, ErrNotDraft) {
		t.Error(err)
	}
	if got, err := Compare([]Part{p}, Delivery{N: 1, Media: NDJSON, Body: &big}); err != nil || got.SHA256 != p.SHA256 {
		t.Errorf("%+v, %v", got, err)
	}
}

var errCut = errors.New("cut off")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errCut }

func TestManifest(t *testing.T) {
	t.Parallel()
	a, b := Part{N: 1, Media: CSV, Head: "x"}, Part{N: 2, Media: CSV, Head: "x"}
	for want, all := range map[string][]Part{
		"":                          {a, b},
		"there is no part yet":      {},
		"part 1: it is missing":     {b},
		"one media type":            {a, {N: 2, Media: NDJSON}},
		"part 2, line 1: its heade": {a, {N: 2, Media: CSV, Head: "y"}},
		"rows, and at most":         {{N: 1, Media: CSV, Rows: MaxRows + 1}},
	} {
		text, err := Manifest(all)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", want, err)
		}
		if err == nil {
			if again, err := ParseManifest(text); err != nil || cmp.Diff(all, again) != "" {
				t.Error(err, again)
			}
		}
	}
}
