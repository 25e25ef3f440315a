package batch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The bounds of a row: a quoted cell that goes on beyond them is one whose quote
// is never closed, and must not swallow the rest of the file.
const (
	maxRow      = 64 << 10
	maxRowLines = 100
)

// A splitter cuts a text into rows and cells by RFC 4180. What encoding/csv does
// not do, and a list of a million rows needs: a row that is broken ends with its
// own line, and the next one is read as if nothing had happened.
type splitter struct {
	r         *bufio.Reader
	delimiter byte
	decoded   bool // from another encoding; what was no text of it is U+FFFD now
	line      int  // of the row that was read last
	next      int  // of the row that comes next
	cells     [][]byte
	scratch   []byte // rows that are not in one piece in r, and cells with doubled quotes
	pending   []byte // what was read ahead and belongs to the next rows
}

// A problem is why a row is broken.
type problem string

const (
	badQuote  problem = "a quote stands where none can, or is never closed"
	badText   problem = "the row is not valid text in the file's encoding"
	rowTooBig problem = "the row is longer than 64 KiB"
)

func newSplitter(r *bufio.Reader) *splitter { return &splitter{r: r, next: 1} }

// readLine reads one line with its end; short is false where the line is longer
// than a row can be, and was passed over. The bytes are good until the next call.
func (s *splitter) readLine() (line []byte, short bool, err error) {
	if len(s.pending) > 0 {
		end := bytes.IndexByte(s.pending, '\n') + 1
		if end > 0 {
			line, s.pending = s.pending[:end], s.pending[end:]
			return line, true, nil
		}
		line = bytes.Clone(s.pending)
		s.pending = nil
		more, _, err := s.readLine()
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return append(line, more...), true, err
	}
	line, err = s.r.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(line) > 0 {
		return line, true, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, false, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = s.r.ReadSlice('\n')
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return nil, false, err
}

// row reads the next row into s.cells, or says what is wrong with it. The cells
// are good until the next call. Blank lines are no rows.
func (s *splitter) row() (problem, error) {
	for {
		s.line = s.next
		line, short, err := s.readLine()
		if err != nil {
			return "", s.readError(err)
		}
		s.next++
		if !short {
			return rowTooBig, nil
		}
		text := trimEnd(line)
		if len(text) == 0 {
			continue
		}
		s.cells = s.cells[:0]
		if bytes.IndexByte(text, '"') < 0 {
			s.plain(text)
			if !s.valid(text) {
				return badText, nil
			}
			return "", nil
		}
		return s.quoted(line)
	}
}

// valid says that a row is text in the file's encoding.
func (s *splitter) valid(row []byte) bool {
	return utf8.Valid(row) && (!s.decoded || !bytes.Contains(row, []byte("\ufffd")))
}

func (s *splitter) readError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("reading on from line %d: %w", s.next, err)
}

// plain cuts a row without quotes.
func (s *splitter) plain(text []byte) {
	for {
		i := bytes.IndexByte(text, s.delimiter)
		if i < 0 {
			s.cells = append(s.cells, text)
			return
		}
		s.cells = append(s.cells, text[:i])
		text = text[i+1:]
	}
}

// quoted cuts a row with quotes, reading on while one is open. A row that is
// broken ends with its first line; the lines after it are read again.
func (s *splitter) quoted(line []byte) (problem, error) {
	first := len(line)
	s.scratch = append(s.scratch[:0], line...)
	for lines := 1; ; lines++ {
		s.cells = s.cells[:0]
		open, ok := s.cut(trimEnd(s.scratch))
		switch {
		case ok && s.valid(s.scratch):
			s.next += lines - 1
			return "", nil
		case ok:
			s.next += lines - 1
			return badText, nil
		case !open || lines == maxRowLines || len(s.scratch) > maxRow:
			s.giveBack(s.scratch[first:])
			return badQuote, nil
		}
		more, short, err := s.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return "", s.readError(err)
		}
		if err != nil || !short {
			s.giveBack(s.scratch[first:])
			return badQuote, nil
		}
		s.scratch = append(s.scratch, more...)
	}
}

// giveBack has bytes that were read ahead read again.
func (s *splitter) giveBack(b []byte) {
	if len(b) > 0 {
		s.pending = append(bytes.Clone(b), s.pending...)
	}
}

// cut cuts text into cells. It says whether a quote is open at the end of the
// text, and whether the text is whole.
func (s *splitter) cut(text []byte) (open, ok bool) {
	for {
		if len(text) == 0 || text[0] != '"' {
			i := bytes.IndexByte(text, s.delimiter)
			cell := text
			if i >= 0 {
				cell = text[:i]
			}
			if bytes.IndexByte(cell, '"') >= 0 {
				return false, false
			}
			s.cells = append(s.cells, cell)
			if i < 0 {
				return false, true
			}
			text = text[i+1:]
			continue
		}
		cell, rest, closed := unquote(text[1:])
		if !closed {
			return true, false
		}
		s.cells = append(s.cells, cell)
		if len(rest) == 0 {
			return false, true
		}
		if rest[0] != s.delimiter {
			return false, false
		}
		text = rest[1:]
	}
}

// unquote reads a quoted cell, after its quote.
func unquote(text []byte) (cell, rest []byte, closed bool) {
	var parts []byte
	copied := false
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			return nil, nil, false
		}
		if i+1 < len(text) && text[i+1] == '"' {
			parts, copied = append(parts, text[:i+1]...), true
			text = text[i+2:]
			continue
		}
		if copied {
			return append(parts, text[:i]...), text[i+1:], true
		}
		return text[:i], text[i+1:], true
	}
}

// trimEnd takes the end of line off.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// findDelimiter is the one of comma, semicolon and tab that the header line has
// most of, outside quotes; a comma if it has none.
func findDelimiter(header string) byte {
	best, most := byte(','), 0
	for _, d := range []byte{',', ';', '\t'} {
		n := 0
		for i, part := range strings.Split(header, `"`) {
			if i%2 == 0 {
				n += strings.Count(part, string(d))
			}
		}
		if n > most {
			best, most = d, n
		}
	}
	return best
}
