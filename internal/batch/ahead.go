package batch

import (
	"bytes"
	"errors"
	"io"
)

// How far a list is looked at to see how its numbers are written: so many rows, in
// so many bytes of text at most, which are kept meanwhile.
const (
	aheadRows  = 10_000
	aheadBytes = 16 << 20
)

// An ahead is the beginning of a text, which is read twice.
type ahead struct {
	r    io.Reader
	left int // bytes that may be read yet
	kept bytes.Buffer
	err  error // what the reading ended with, but for its end
}

// Read reads on and keeps what it read.
func (a *ahead) Read(p []byte) (int, error) {
	if a.left == 0 || a.err != nil {
		return 0, io.EOF
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.kept.Write(p[:n])
	a.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		a.err, err = err, io.EOF
	}
	return n, err
}

// again is the text from its beginning.
func (a *ahead) again() io.Reader {
	if a.err != nil {
		return io.MultiReader(&a.kept, failed{a.err})
	}
	return io.MultiReader(&a.kept, a.r)
}

// failed is a reader that has failed.
type failed struct{ err error }

// Read fails.
func (f failed) Read([]byte) (int, error) { return 0, f.err }

// lookAhead has the numbers of the first rows tell how those with two readings are
// to be read. It puts the text back to its beginning, and where the rows of several
// files are the first, keeps those that it opened. What is wrong with a text is for
// whoever reads it then.
func (r *rowReader) lookAhead(t *text) error {
	left, rows := aheadBytes, aheadRows
	for {
		a := &ahead{r: t.Reader, left: left}
		first := &rowReader{o: r.o, s: newSplitter(a), phone: r.phone}
		if first.readHeader() == nil {
			rows -= r.learn(first, a, rows)
		}
		ended := a.left > 0 && a.err == nil && rows > 0
		left = a.left
		t.Reader = a.again()
		if !ended {
			break
		}
		next, err := r.open()
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		r.ahead = append(r.ahead, *next)
		t = next.text
	}
	r.phone.Decide()
	return nil
}

// learn shows the numbers of the first rows to the reader of numbers, and says how
// many those were. A row counts once the next one was found: the last may have been
// cut off.
func (r *rowReader) learn(first *rowReader, a *ahead, most int) int {
	var cell []byte
	for n := range most {
		broken, err := first.s.row()
		if err == nil || a.left > 0 {
			r.phone.Learn(cell)
		}
		if err != nil {
			return n
		}
		cell = cell[:0]
		if broken == "" && first.at < len(first.s.cells) {
			cell = append(cell, trim(first.s.cells[first.at])...)
		}
	}
	r.phone.Learn(cell)
	return most
}
