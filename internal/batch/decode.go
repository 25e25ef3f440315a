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
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// headSize is how much of a file is looked at to see whether it is what it
// claims to be.
const headSize = 64 << 10

// minForeign is how many bytes beyond ASCII must be UTF-8 before a file that is
// said to be GBK is not believed to be: three Chinese characters as UTF-8. In GBK
// they are five, which are UTF-8 by chance in one of thousands.
const minForeign = 9

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

// decode gives the text of r as UTF-8 without a byte order mark, unpacked where
// it is gzip or zstd by its first bytes. It refuses what is no text of the
// encoding.
func decode(r io.Reader, encoding string) (*bufio.Reader, error) {
	r, err := unpack(r)
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(r, headSize)
	head, err := peek(b)
	if err != nil {
		return nil, err
	}
	switch {
	case len(head) == 0:
		return nil, errors.New("the file is empty; it needs a header line that names the columns")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, errors.New("the file is an Excel workbook or a zip archive; save it as CSV")
	}
	utf16 := bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff})
	switch encoding {
	case "gbk":
		if utf16 || bytes.IndexByte(head, 0) >= 0 {
			return nil, errors.New("the file is not GBK text; is it UTF-16? (recipients.encoding: utf-16)")
		}
		if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
			return nil, errors.New("the file begins as UTF-8 does; leave recipients.encoding out")
		}
		if validHead(head) && foreign(head) >= minForeign {
			return nil, errors.New("the file is UTF-8 and not GBK; set recipients.encoding: utf-8, or leave it out")
		}
		return bufio.NewReaderSize(transform.NewReader(b, simplifiedchinese.GBK.NewDecoder()), headSize), nil
	case "utf-16":
		if !utf16 && bytes.IndexByte(head, 0) < 0 {
			return nil, errors.New("the file is not UTF-16; leave recipients.encoding out, or set it to gbk")
		}
		return bufio.NewReaderSize(transform.NewReader(b, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()), headSize), nil
	}
	switch {
	case utf16:
		return nil, errors.New("the file is UTF-16; set recipients.encoding: utf-16")
	case bytes.IndexByte(head, 0) >= 0:
		return nil, errors.New("the file is binary, not text; save it as CSV")
	case !validHead(head):
		return nil, errors.New("the file is not UTF-8; if it was saved by Excel in China, set recipients.encoding: gbk")
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		if _, err := b.Discard(3); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// validHead says that head is UTF-8, but for a character that it cuts off.
func validHead(head []byte) bool {
	for cut := range min(utf8.UTFMax, len(head)) {
		if utf8.Valid(head[:len(head)-cut]) {
			return true
		}
		if len(head) < headSize {
			return false
		}
	}
	return false
}

// foreign counts the bytes that are not ASCII.
func foreign(head []byte) (n int) {
	for _, c := range head {
		if c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

func peek(b *bufio.Reader) ([]byte, error) {
	head, err := b.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the recipients: %w", err)
	}
	return head, nil
}

// unpack unpacks what its first bytes say is packed.
func unpack(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, headSize)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the recipients: %w", err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("the file is not the gzip that it begins as: %w", err)
		}
		return unpacked{z}, nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("the file is not the zstd that it begins as: %w", err)
		}
		return unpacked{z.IOReadCloser()}, nil
	}
	return b, nil
}

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
