package batch

import (
	"bytes"
	"io"
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
	lf   int // no line feed lies between the place that was asked for last and here
}

func newWindow(r io.Reader) *window { return &window{r: r, buf: make([]byte, windowSize)} }

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
func (w *window) back(at int) { w.at, w.lf = at, at }

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
	for cr := from; ; {
		w.lf = max(w.lf, from)
		if w.lf < w.end && w.byte(w.lf) != '\n' {
			if i := bytes.IndexByte(w.bytes(w.lf, w.end), '\n'); i >= 0 {
				w.lf += i
			} else {
				w.lf = w.end
			}
		}
		switch i := bytes.IndexByte(w.bytes(cr, w.lf), '\r'); {
		case i >= 0:
			end = cr + i
			if w.have(end+1) && w.byte(end+1) == '\n' {
				return end, end + 2, true
			}
			return end, end + 1, true
		case w.lf < w.end:
			return w.lf, w.lf + 1, true
		}
		cr = w.lf
		if cr-from > most {
			return cr, cr, false
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
