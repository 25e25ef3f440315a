package batch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ErrDamaged says that a packed file ends early, or is not what was packed.
var ErrDamaged = errors.New("the packed file ends early or is damaged; get it once more, whole")

// Open opens a file of recipients, or stdin for "-". Size is in bytes, 0 where
// it is not known.
func Open(path string, stdin io.Reader) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(stdin), 0, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the recipients: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("opening the recipients: %w", err)
	}
	if info.IsDir() {
		f.Close()
		return nil, 0, fmt.Errorf("opening the recipients: %s is a folder", path)
	}
	if !info.Mode().IsRegular() {
		return f, 0, nil
	}
	return f, info.Size(), nil
}

// unpack unpacks what its first bytes say is packed.
func unpack(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, headSize)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the recipients: %w", err)
	}
	switch {
	case isGzip(magic):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("the file is not the gzip that it begins as: %w", err)
		}
		return unpacked{z}, nil
	case isZstd(magic):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("the file is not the zstd that it begins as: %w", err)
		}
		return unpacked{z.IOReadCloser()}, nil
	}
	return b, nil
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

func isZstd(head []byte) bool { return bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) }

// packedHead says that what was unpacked, if it was, is packed.
func packedHead(head []byte) bool { return isGzip(head) || isZstd(head) }

// unpacked tells trouble of the packing from trouble of the disk.
type unpacked struct{ io.Reader }

// Read reads.
func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if at := new(fs.PathError); err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &at) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, err
}
