package plaintext

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "",
		"row,phone\n1\t张三, ação 👋\n":  "row,phone\n1\t张三, ação 👋\n",
		"\x1b]0;title\x07\x1b[2Jx":    `\x1b]0;title\x07\x1b[2Jx`,
		"a\rb\x08c\x7fd\x00":          `a\x0db\x08c\x7fd\x00`,
		"\u009b31m\u0085":             `\u009b31m\u0085`,
		"\x9b31m":                     `\x9b31m`,
		"\u202egnp.exe \u2066x\u200f": `\u202egnp.exe \u2066x\u200f`,
		"half \xe5\xbc":               "half ", // the rest may come
	} {
		var out bytes.Buffer
		w := NewWriter(&out)
		if n, err := w.Write([]byte(text)); n != len(text) || err != nil || out.String() != want {
			t.Errorf("%q: %d, %v, %q; want %q", text, n, err, out.String(), want)
		}
	}
}

// However a text is cut into writes, the same comes out, and no terminal obeys it.
func TestWriterInPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"\x1b", "[", "\u009b", "张", "x", "\n", "\t", "\r", "\xff", "\xe5", "\xbc", "\u202e", "👋"})).Draw(t, "pieces")
		text := strings.Join(pieces, "") + "."
		var whole, cut bytes.Buffer
		if _, err := NewWriter(&whole).Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		w := NewWriter(&cut)
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "bytes")
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			if n == 0 && len(rest) > 0 {
				_, _ = w.Write(rest[:1])
				rest = rest[1:]
			}
		}
		if whole.String() != cut.String() {
			t.Fatalf("%q at once, %q in pieces", whole.String(), cut.String())
		}
		for _, r := range whole.String() {
			if r == unicode.ReplacementChar || obeyed(r) && r != '\n' && r != '\t' {
				t.Fatalf("%q has %q", whole.String(), r)
			}
		}
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestWriterFails(t *testing.T) {
	t.Parallel()
	if n, err := NewWriter(full{}).Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}
