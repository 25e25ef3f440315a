package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// maxCell is the most that a cell holds.
	maxCell = 1 << 20
	// maxRow is how far a row is read to find where it ends.
	maxRow = 8 << 20
)

// A splitter cuts a text into rows and cells by RFC 4180, its lines ending with
// CR LF, LF or CR. What encoding/csv does not do, and a list of a million rows
// needs: a row that is broken ends with its own line, and the next one is read as
// if nothing had happened.
type splitter struct {
	w         *window
	delimiter byte
	decoded   bool // from another encoding; what was no text of it is U+FFFD now
	line      int  // of the row that was read last
	next      int  // of the row that comes next
	cells     [][]byte
	spans     []span
	scratch   []byte // cells with doubled quotes, without them
	doubtful  int    // the place up to which lines may belong to a cell above them
	unclosed  int    // no line before this place closes a cell whose quotes are not doubled
}

// A span is where a cell lies.
type span struct {
	from, to int
	doubled  bool // it holds doubled quotes
}

// A problem is why a row is broken.
type problem string

const (
	badQuote  problem = "a quote stands where none can, or is never closed"
	badText   problem = "the row is not valid text in the file's encoding"
	badNUL    problem = "the row holds a NUL, which no text does"
	rowTooBig problem = "a cell is longer than 1 MiB"
	maybeNote problem = "the line may be part of a cell in a line before it, which has quotes inside that are not doubled"
)

// ErrNoEnd says that a row's end is not found.
var ErrNoEnd = errors.New("a quote is opened and not closed within 8 MiB, so that nobody knows where the row ends; close it or take it out")

// newSplitter begins after the byte order marks, of which programs write more
// than one.
func newSplitter(text io.Reader) *splitter {
	s := &splitter{w: newWindow(text), next: 1}
	for s.w.have(s.w.at+len(byteOrderMark)-1) && string(s.w.bytes(s.w.at, s.w.at+len(byteOrderMark))) == byteOrderMark {
		s.w.forward(s.w.at + len(byteOrderMark))
	}
	return s
}

// row reads the next row into s.cells, or says what is wrong with it. The cells
// are good until the next call. Blank lines are no rows.
func (s *splitter) row() (problem, error) {
	for {
		s.line = s.next
		from := s.w.at
		if !s.w.have(from) {
			return "", s.readError()
		}
		end, next, ok := s.w.lineEnd(from, maxRow)
		if s.w.failed() {
			return "", s.readError()
		}
		if !ok {
			s.w.skipLine()
			s.next++
			return rowTooBig, nil
		}
		text := s.w.bytes(from, end)
		doubtful := from < s.doubtful
		if !doubtful && s.w.find(&s.w.quote, from) < end {
			return s.quoted(from)
		}
		s.w.forward(next)
		s.next++
		if len(text) == 0 {
			continue
		}
		if doubtful {
			return maybeNote, nil
		}
		s.plain(text)
		return s.wrong(from, end), nil
	}
}

// wrong is what is wrong with the text of a row, which lies between two places.
func (s *splitter) wrong(from, to int) problem {
	switch {
	case s.w.find(&s.w.nul, from) < to:
		return badNUL
	case !s.w.utf8(from, to) || s.decoded && bytes.Contains(s.w.bytes(from, to), []byte("\ufffd")):
		return badText
	case to-from > maxCell:
		for _, cell := range s.cells {
			if len(cell) > maxCell {
				return rowTooBig
			}
		}
	}
	return ""
}

// failed says that reading on met anything but the end.
func (w *window) failed() bool { return w.err != nil && !errors.Is(w.err, io.EOF) }

func (s *splitter) readError() error {
	if !s.w.failed() {
		return io.EOF
	}
	return fmt.Errorf("reading on from line %d: %w", s.next, s.w.err)
}

// plain cuts a row without quotes.
func (s *splitter) plain(text []byte) {
	s.cells = s.cells[:0]
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

// quoted cuts the row with quotes that begins at from. A row that is broken ends
// with its first line.
func (s *splitter) quoted(from int) (problem, error) {
	next, wrong, err := s.cut(from)
	if s.w.failed() {
		return "", s.readError()
	}
	if err != nil || wrong {
		s.w.back(from)
		_, next, ok := s.w.lineEnd(from, maxRow)
		switch {
		case !ok:
			s.w.skipLine()
			s.next++
			return rowTooBig, nil
		case err != nil:
			return "", fmt.Errorf("line %d: %w", s.line, err)
		}
		s.doubt(from, next)
		s.w.forward(next)
		s.next++
		return badQuote, nil
	}
	s.next += lines(s.w.bytes(from, next))
	s.w.forward(next)
	s.lay()
	return s.wrong(from, next), nil
}

// cut finds the cells of a row with quotes, and where the next row begins.
func (s *splitter) cut(from int) (next int, wrong bool, err error) {
	s.spans = s.spans[:0]
	for at := from; ; {
		if at-from > maxRow {
			return 0, false, ErrNoEnd
		}
		if !s.w.have(at) || s.w.byte(at) != '"' {
			end, next, ok := s.w.lineEnd(at, maxRow)
			if !ok {
				return 0, false, ErrNoEnd
			}
			cell, more := s.w.bytes(at, end), false
			if i := bytes.IndexByte(cell, s.delimiter); i >= 0 {
				cell, more = cell[:i], true
			}
			if bytes.IndexByte(cell, '"') >= 0 {
				return 0, true, nil
			}
			s.spans = append(s.spans, span{from: at, to: at + len(cell)})
			if !more {
				return next, false, nil
			}
			at += len(cell) + 1
			continue
		}
		end, doubled, err := s.closing(at+1, from+maxRow)
		if err != nil || end < 0 {
			return 0, true, err
		}
		s.spans = append(s.spans, span{from: at + 1, to: end, doubled: doubled})
		at = end + 1
		switch {
		case !s.w.have(at):
			return at, false, nil
		case s.w.byte(at) == s.delimiter:
			at++
		case s.w.byte(at) == '\r' && s.w.have(at+1) && s.w.byte(at+1) == '\n':
			return at + 2, false, nil
		case s.w.byte(at) == '\r' || s.w.byte(at) == '\n':
			return at + 1, false, nil
		default:
			return 0, true, nil
		}
	}
}

// closing finds the quote that closes a cell; -1 where the text ends before it.
func (s *splitter) closing(from, most int) (at int, doubled bool, err error) {
	for at = from; ; {
		if !s.w.have(at) {
			return -1, false, nil
		}
		i := bytes.IndexByte(s.w.bytes(at, s.w.end), '"')
		switch {
		case i < 0:
			at = s.w.end
			if at > most {
				return -1, false, ErrNoEnd
			}
		case s.w.have(at+i+1) && s.w.byte(at+i+1) == '"':
			doubled = true
			at += i + 2
		default:
			return at + i, doubled, nil
		}
	}
}

// lay makes the cells of their spans.
func (s *splitter) lay() {
	s.cells, s.scratch = s.cells[:0], s.scratch[:0]
	for _, c := range s.spans {
		cell := s.w.bytes(c.from, c.to)
		if c.doubled {
			from := len(s.scratch)
			for {
				i := bytes.IndexByte(cell, '"')
				if i < 0 {
					break
				}
				s.scratch = append(s.scratch, cell[:i+1]...)
				cell = cell[i+2:]
			}
			s.scratch = append(s.scratch, cell...)
			cell = s.scratch[from:len(s.scratch):len(s.scratch)]
		}
		s.cells = append(s.cells, cell)
	}
}

// lines counts the lines of a row.
func lines(row []byte) int {
	n := bytes.Count(row, []byte("\n")) + bytes.Count(row, []byte("\r")) - bytes.Count(row, []byte("\r\n"))
	if last := row[len(row)-1]; last != '\n' && last != '\r' {
		n++
	}
	return n
}
