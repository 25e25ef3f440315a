package batch

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// A likeness is how far a text in a declared encoding looks as if it were UTF-8.
type likeness struct {
	good, bad int  // lines beyond ASCII that are UTF-8, and that are not
	beyond    int  // bytes beyond ASCII of the good ones
	long      bool // there is a letter of three bytes or more
}

func (l *likeness) line(line []byte) {
	n := beyondASCII(line)
	switch {
	case n == 0:
	case !utf8.Valid(line):
		l.bad++
	default:
		l.good++
		l.beyond += n
		l.long = l.long || bytes.ContainsFunc(line, func(c rune) bool { return utf8.RuneLen(c) > 2 })
	}
}

// isUTF8 says that the text is UTF-8, but for a line here and there, and not by
// chance.
func (l *likeness) isUTF8(encoding string) bool {
	return l.good > l.bad && (l.long || l.beyond >= minForeign || !multibyte(encoding))
}

// isUTF8 says so of a file by its beginning.
func isUTF8(head []byte, encoding string) bool {
	var l likeness
	for _, line := range headLines(head) {
		l.line(line)
	}
	return l.isUTF8(encoding)
}

func refuseUTF8(encoding string) error {
	return refuse("the file is UTF-8 and not %s; set recipients.encoding: utf-8, or leave it out", encoding)
}

// A watched text is read on to its end before it is believed to be in the encoding
// that it is said to be in: the first names beyond ASCII may stand far behind its
// beginning, and would go out as "SÃ£o".
type watched struct {
	r        io.Reader
	encoding string
	like     likeness
	part     []byte // of a line that has not ended, as far as windowSize
}

// Read reads, and fails at the end of what is UTF-8.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	for text := p[:n]; len(text) > 0; {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			w.part = append(w.part, text[:min(len(text), windowSize-len(w.part))]...)
			break
		}
		w.end(text[:i])
		text = text[i+1:]
	}
	if errors.Is(err, io.EOF) {
		if w.end(nil); w.like.isUTF8(w.encoding) {
			err = refuseUTF8(w.encoding)
		}
	}
	return n, err
}

// end ends a line with what is left of it.
func (w *watched) end(rest []byte) {
	if len(w.part) > 0 {
		w.part = append(w.part, rest[:min(len(rest), windowSize-len(w.part))]...)
		rest = w.part
	}
	w.like.line(rest)
	w.part = w.part[:0]
}
