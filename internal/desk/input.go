package desk

import (
	"io"
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

// An input is a list's file, counting what has been read of it.
type input struct {
	io.ReadCloser
	size int64 // bytes; 0 where it is not known
	read atomic.Int64
}

func openInput(path string, stdin io.Reader) (*input, error) {
	rc, size, err := batch.Open(path, stdin)
	if err != nil {
		return nil, err
	}
	return &input{ReadCloser: rc, size: size}, nil
}

// Read counts.
func (i *input) Read(p []byte) (int, error) {
	n, err := i.ReadCloser.Read(p)
	i.read.Add(int64(n))
	return n, err
}
