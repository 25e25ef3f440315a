// Package plaintext keeps a text that others wrote, such as a message_id or the
// name of a template, from steering the terminal that it is shown on.
package plaintext

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// A Writer writes to another what a terminal shows and does not obey: for an
// escape, a control character or one that turns the direction of writing, it
// writes its number, such as \x1b. Line breaks and tabs stay.
type Writer struct {
	to   io.Writer
	part []byte // the beginning of a character whose end has not come yet
	out  []byte
}

// NewWriter makes a Writer to w. It buffers nothing but a character that is not
// whole yet.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write writes p. It has taken all of it, or failed.
func (w *Writer) Write(p []byte) (int, error) {
	text := append(w.part, p...)
	w.out = w.out[:0]
	for len(text) > 0 && utf8.FullRune(text) {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			w.out = fmt.Appendf(w.out, `\x%02x`, text[0])
		case r == '\n' || r == '\t' || !obeyed(r):
			w.out = append(w.out, text[:n]...)
		case r < utf8.RuneSelf:
			w.out = fmt.Appendf(w.out, `\x%02x`, r)
		default:
			w.out = fmt.Appendf(w.out, `\u%04x`, r)
		}
		text = text[n:]
	}
	w.part = append(w.part[:0], text...)
	if _, err := w.to.Write(w.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// obeyed says that a terminal may do something at r beside showing it.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
