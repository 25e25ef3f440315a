package main

import (
	"io"
	"sync/atomic"

	"sluice/internal/batch"
)

// An input is the recipients' file, counting what has been read of it.
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
