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
// to be read, and returns the text from its beginning. What is wrong with the text
// is for whoever reads it then.
func (r *rowReader) lookAhead(text io.Reader) io.Reader {
	a := &ahead{r: text, left: aheadBytes}
	first := &rowReader{o: r.o, s: newSplitter(a), phone: r.phone}
	if first.readHeader() == nil {
		r.learn(first, a)
	}
	r.phone.Decide()
	return a.again()
}

// learn shows the numbers of the first rows to the reader of numbers. A row counts
// once the next one was found: the last may have been cut off.
func (r *rowReader) learn(first *rowReader, a *ahead) {
	var cell []byte
	for range aheadRows {
		broken, err := first.s.row()
		if err == nil || a.left > 0 {
			r.phone.Learn(cell)
		}
		if err != nil {
			return
		}
		cell = cell[:0]
		if broken == "" && first.at < len(first.s.cells) {
			cell = append(cell, trim(first.s.cells[first.at])...)
		}
	}
	r.phone.Learn(cell)
}
