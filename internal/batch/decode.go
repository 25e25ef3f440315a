package batch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// headSize is how much of a file is looked at to see whether it is what it
// claims to be.
const headSize = 64 << 10

// minForeign is how many bytes beyond ASCII must be UTF-8 before a file that is
// said to be in an encoding of several bytes is not believed to be, where they
// are pairs: those are UTF-8 by chance in one of a few.
const minForeign = 9

const byteOrderMark = "\xef\xbb\xbf"

// A text is a file's text as UTF-8, and what is known of it from its beginning.
type text struct {
	io.Reader
	decoded bool  // from another encoding
	head    tally // of the beginning
}

// decode gives the text of r as UTF-8, unpacked where it is gzip or zstd by its
// first bytes. The encoding is a name that ParseEncoding made. It refuses what
// is plainly no text of it.
func decode(r io.Reader, encoding string) (*text, error) {
	r, err := unpack(r)
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(r, headSize)
	head, err := b.Peek(headSize)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("reading the recipients: %w", err)
	case len(head) == 0:
		return nil, errors.New("the file is empty; it needs a header line that names the columns")
	case packedHead(head):
		return nil, errors.New("the file is packed twice; unpack it once")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, errors.New("the file is an Excel workbook or a zip archive; save it as CSV")
	}
	marked := bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff})
	switch encoding {
	case Auto, utf8Name:
		if !marked {
			t, err := checkUTF8(head, encoding)
			return &text{Reader: b, head: t}, err
		}
		if encoding == utf8Name {
			return nil, refuse("the file is UTF-16; set recipients.encoding: utf-16, or leave it out")
		}
		encoding = utf16le // the mark says which
	case utf16le, utf16be:
		if !marked && bytes.IndexByte(head, 0) < 0 {
			return nil, refuse("the file is not UTF-16; leave recipients.encoding out, or set the one that it is in")
		}
	default:
		if marked {
			return nil, refuse("the file begins as UTF-16 does and not as %s; set recipients.encoding: utf-16", encoding)
		}
	}
	t, err := checkDecoded(head, encoding)
	if err != nil {
		return nil, err
	}
	in := io.Reader(b)
	if !wideNamed(encoding) {
		in = &watched{r: b, encoding: encoding}
	}
	return &text{Reader: transform.NewReader(in, decoder(encoding).NewDecoder()), decoded: true, head: t}, nil
}

// wideNamed says that an encoding has two bytes for each letter of ASCII.
func wideNamed(encoding string) bool { return encoding == utf16le || encoding == utf16be }

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNotText}, args...)...)
}

// checkUTF8 looks whether a file is UTF-8 by its beginning.
func checkUTF8(head []byte, encoding string) (tally, error) {
	var t tally
	nul := 0
	for n, line := range headLines(head) {
		t.lines++
		switch {
		case bytes.IndexByte(line, 0) >= 0:
			nul++
		case !utf8.Valid(line):
			if t.sample == nil {
				t.sample = line
			}
		case beyondASCII(line) > 0:
			t.good++
			continue
		default:
			continue
		}
		t.note(n + 1)
	}
	switch {
	case t.few():
		return t, nil
	case nul > t.bad/2:
		return t, refuse("the file is binary, or UTF-16 without a byte order mark (recipients.encoding: utf-16le); if it is neither, save it as CSV")
	}
	return t, t.refuse(encoding)
}

// refuse says that too many lines are no text, and what they may be.
func (t *tally) refuse(encoding string) error {
	named := encoding
	if encoding == Auto {
		named = utf8Name
	}
	names := suggest(t.sample)
	if len(names) == 0 {
		return refuse("%s: not %s, nor any other encoding that is known by sight; save the file as UTF-8", t.where(), named)
	}
	return refuse("%s: not %s; the first of them reads well as %s, so set recipients.encoding: %s if it is that, or save the file as UTF-8",
		t.where(), named, strings.Join(names, ", "), names[0])
}

// checkDecoded looks whether a file is in the encoding that it is said to be in.
func checkDecoded(head []byte, encoding string) (tally, error) {
	wide := wideNamed(encoding)
	if !wide {
		if bytes.HasPrefix(head, []byte(byteOrderMark)) {
			return tally{}, refuse("the file begins as UTF-8 does and not as %s; leave recipients.encoding out", encoding)
		}
		if isUTF8(head, encoding) {
			return tally{}, refuseUTF8(encoding)
		}
	}
	cut := head
	if len(head) == headSize && !wide {
		cut = head[:lastLine(head)]
	}
	decoded, err := decoder(encoding).NewDecoder().Bytes(cut)
	if err != nil {
		return tally{}, refuse("decoding %s: %v", encoding, err)
	}
	var t tally
	judged, wrong, nul := 0, 0, 0
	raw := headLines(head)
	lines := headLines(decoded)
	if wide && len(head) == headSize && len(lines) > 1 {
		lines = lines[:len(lines)-1] // its last unit may be cut
	}
	for n, line := range lines {
		t.lines++
		if bytes.IndexByte(line, 0) >= 0 {
			nul++
			t.note(n + 1)
			continue
		}
		if bytes.Contains(line, []byte("\ufffd")) {
			t.note(n + 1)
			if t.sample == nil && !wide && n < len(raw) {
				t.sample = raw[n]
			}
			continue
		}
		switch judge(string(line)) {
		case ascii:
			continue
		case garbled:
			wrong++
			if t.sample == nil && !wide && n < len(raw) {
				t.sample = raw[n]
			}
		case well, odd:
		}
		judged++
		t.good++
	}
	switch {
	case !t.few() && nul > t.bad/2:
		return t, refuse("the file is not %s text; is it UTF-16? (recipients.encoding: utf-16)", encoding)
	case !t.few():
		return t, t.refuse(encoding)
	case wrong*2 > judged:
		return t, refuse("read as %s, %d of %d lines mix scripts that do not belong together; %s", encoding, wrong, judged, advice(t.sample, encoding))
	}
	return t, nil
}

// advice names the encodings that a file may be in whose line this is.
func advice(line []byte, not string) string {
	var names []string
	for _, name := range suggest(line) {
		if name != not {
			names = append(names, name)
		}
	}
	switch {
	case utf8.Valid(line):
		return "set recipients.encoding: utf-8, or leave it out"
	case len(names) == 0:
		return "save the file as UTF-8"
	}
	return fmt.Sprintf("the first of them reads well as %s: set recipients.encoding to what it is, or save the file as UTF-8", strings.Join(names, ", "))
}

// multibyte says that letters of an encoding have several bytes.
func multibyte(encoding string) bool {
	switch encoding {
	case gb18030, "big5", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp":
		return true
	}
	return false
}

// headLines are the lines of a file's beginning, without the last where the
// beginning cuts it off.
func headLines(head []byte) [][]byte {
	if len(head) >= headSize {
		head = head[:lastLine(head)]
	}
	var lines [][]byte
	for len(head) > 0 {
		i := bytes.IndexAny(head, "\r\n")
		if i < 0 {
			return append(lines, head)
		}
		lines = append(lines, head[:i])
		if head[i] == '\r' && i+1 < len(head) && head[i+1] == '\n' {
			i++
		}
		head = head[i+1:]
	}
	return lines
}

// lastLine is where the last line of a beginning that is cut off begins; where it
// is one line, where its last whole character ends as UTF-8 has it.
func lastLine(head []byte) int {
	if i := bytes.LastIndexAny(head, "\r\n"); i >= 0 {
		return i + 1
	}
	for cut := range utf8.UTFMax {
		if r, size := utf8.DecodeLastRune(head[:len(head)-cut]); r != utf8.RuneError || size > 1 {
			return len(head) - cut
		}
	}
	return len(head)
}

// beyondASCII counts the bytes that are not ASCII.
func beyondASCII(line []byte) (n int) {
	for _, c := range line {
		if c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}
