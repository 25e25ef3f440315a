package desk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"sluice/internal/batch"
)

// Progress says how far the reading of a list is.
type Progress struct {
	Doing string // importing, comparing, reading; empty before it begins
	Rows  int
	Bytes int64 // of the file as it is, packed or not
	Size  int64 // the file's bytes; 0 where that is not known
}

// A reading counts what has been read. It may be asked at any time.
type reading struct {
	doing atomic.Pointer[string]
	rows  atomic.Int64
}

func (r *reading) begin(doing string) { r.doing.Store(&doing) }

func (r *reading) saw(b *batch.Batch) { r.rows.Add(int64(len(b.Recipients) + len(b.Skipped))) }

func (r *reading) progress(in *input) Progress {
	p := Progress{Rows: int(r.rows.Load()), Bytes: in.read.Load(), Size: in.size}
	if doing := r.doing.Load(); doing != nil {
		p.Doing = *doing
	}
	return p
}

// Progress says how far Count or Launch is; any goroutine may ask.
func (p *Prepared) Progress() Progress { return p.read.progress(p.input) }

// An input is a list's files, one after the other, counting what has been read of
// them. Each is read through next but the first.
type input struct {
	first *counted
	stdin io.Reader
	rest  []string // that were not opened yet
	open  []io.Closer
	size  int64 // bytes; 0 where it is not known
	read  atomic.Int64
}

// newInput makes the input of one open file.
func newInput(first io.ReadCloser) *input {
	in := &input{open: []io.Closer{first}}
	in.first = newCounted(in, first)
	return in
}

func openInput(paths []string, stdin io.Reader) (*input, error) {
	first, size, err := batch.Open(paths[0], stdin)
	if err != nil {
		return nil, err
	}
	in := newInput(first)
	in.stdin, in.rest, in.size = stdin, paths[1:], size
	for _, path := range in.rest {
		info, err := os.Stat(path)
		if err != nil {
			in.Close()
			return nil, fmt.Errorf("opening the recipients: %w", err)
		}
		in.size += info.Size()
	}
	return in, nil
}

// Read reads the first file.
func (i *input) Read(p []byte) (int, error) { return i.first.Read(p) }

// next opens the next file.
func (i *input) next() (io.Reader, string, error) {
	if len(i.rest) == 0 {
		return nil, "", io.EOF
	}
	path := i.rest[0]
	i.rest = i.rest[1:]
	file, _, err := batch.Open(path, i.stdin)
	if err != nil {
		return nil, "", err
	}
	i.open = append(i.open, file)
	return newCounted(i, file), path, nil
}

// Close closes the files.
func (i *input) Close() {
	for _, file := range i.open {
		file.Close()
	}
}

// A counted file counts for the whole input.
type counted struct {
	in   *input
	file io.ReadCloser
	was  fs.FileInfo // as it was opened; nil of a pipe
}

func newCounted(in *input, file io.ReadCloser) *counted {
	c := &counted{in: in, file: file}
	if f, ok := file.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			c.was = info
		}
	}
	return c
}

// Read counts. It refuses at its end a file that was written to in between: its last
// row may be cut off in the middle of a number.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.in.read.Add(int64(n))
	if errors.Is(err, io.EOF) && c.changed() {
		err = errChanged
	}
	return n, err
}

func (c *counted) changed() bool {
	f, ok := c.file.(fs.File)
	if c.was == nil || !ok {
		return false
	}
	is, err := f.Stat()
	return err == nil && (is.Size() != c.was.Size() || !is.ModTime().Equal(c.was.ModTime()))
}

var errChanged = errors.New("the file was written to while it was read; give it once more when it is whole")
