package batch

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// windowSize is what a window holds at first; it grows to hold one row.
const windowSize = 128 << 10

// A window is the part of a text that is in memory. Places in it are counted
// from the beginning of the text, so that they stay true while it slides on.
type window struct {
	r    io.Reader
	buf  []byte
	base int // the place of buf[0]
	at   int // what lies before is not needed any more
	end  int // what follows is not read yet
	err  error

	lf, cr, quote, nul spot
	valid              struct{ from, to, looked int } // what is known to be UTF-8, and where that was looked for
}

// A spot is where a byte stands next, so that it is looked for once and not again
// for each row that is without it.
type spot struct {
	c        byte
	from, at int // between them it does not stand
}

func newWindow(r io.Reader) *window {
	return &window{
		r: r, buf: make([]byte, windowSize),
		lf: spot{c: '\n'}, cr: spot{c: '\r'}, quote: spot{c: '"'}, nul: spot{c: 0},
	}
}

// find is the place from here on where a byte stands next, or the end of what was
// read.
func (w *window) find(s *spot, from int) int {
	if from < s.from || from > s.at {
		s.from, s.at = from, from
	}
	if s.at < w.end && w.byte(s.at) != s.c {
		if i := bytes.IndexByte(w.bytes(s.at, w.end), s.c); i >= 0 {
			s.at += i
		} else {
			s.at = w.end
		}
	}
	return s.at
}

// utf8 says that what lies between two places is UTF-8. It looks at all lines that
// were read, once, for most lists are.
func (w *window) utf8(from, to int) bool {
	v := &w.valid
	if from >= v.from && to <= v.to {
		return true
	}
	if to > v.looked {
		v.looked = to + 1 + bytes.LastIndexByte(w.bytes(to, w.end), '\n')
		if utf8.Valid(w.bytes(from, v.looked)) {
			v.from, v.to = from, v.looked
			return true
		}
	}
	return utf8.Valid(w.bytes(from, to))
}

// bytes are good until more is called.
func (w *window) bytes(from, to int) []byte { return w.buf[from-w.base : to-w.base] }

// more reads on, and says whether there was anything.
func (w *window) more() bool {
	if w.err != nil {
		return false
	}
	if w.end-w.base == len(w.buf) {
		rest := w.buf[w.at-w.base : w.end-w.base]
		if len(rest) > len(w.buf)/2 {
			w.buf = make([]byte, 2*len(w.buf))
		}
		copy(w.buf, rest)
		w.base = w.at
	}
	for range 100 {
		n, err := w.r.Read(w.buf[w.end-w.base:])
		w.end += n
		w.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	w.err = io.ErrNoProgress
	return false
}

// back goes back to a place that is still in memory.
func (w *window) back(at int) { w.at = at }

// forward lets go of what lies before a place.
func (w *window) forward(at int) { w.at = at }

// have says whether there is a byte at this place, reading on for it.
func (w *window) have(place int) bool {
	for place >= w.end {
		if !w.more() {
			return false
		}
	}
	return true
}

func (w *window) byte(place int) byte { return w.buf[place-w.base] }

// lineEnd finds where the line that goes through the place from ends, and where
// the next one begins: after CR LF, LF or CR, or at the end of the text. It is
// false where the line goes on for more than most bytes.
func (w *window) lineEnd(from, most int) (end, next int, ok bool) {
	for at := from; ; {
		lf, cr := w.find(&w.lf, at), w.find(&w.cr, at)
		switch {
		case cr < lf:
			if w.have(cr+1) && w.byte(cr+1) == '\n' {
				return cr, cr + 2, true
			}
			return cr, cr + 1, true
		case lf < w.end:
			return lf, lf + 1, true
		}
		if at = w.end; at-from > most {
			return at, at, false
		}
		if !w.more() {
			return w.end, w.end, true
		}
	}
}

// skipLine goes to the beginning of the next line, keeping nothing of this one.
func (w *window) skipLine() {
	for {
		_, next, ok := w.lineEnd(w.at, windowSize)
		w.at = next
		if ok {
			return
		}
	}
}
