package parts

import (
	"bytes"
	"encoding/csv"
	"strings"
)

// A scanner looks at a part while it comes.
type scanner interface {
	scan(text []byte) *InvalidError
	end(p *Part) *InvalidError
}

const (
	// maxHeader is the most that a header holds.
	maxHeader = 64 << 10
	// maxColumns is the most names that are kept of a header.
	maxColumns = 500

	mark = "\xef\xbb\xbf" // of byte order
)

// csvScanner counts the rows and lines of a CSV text, and finds where its header
// ends. Rows are as far as the text's quotes are closed: which of them are valid is
// the import's to say.
type csvScanner struct {
	head   []byte // the text up to the header's end, until that is found
	header header
	found  bool
	body   counter
}

func (s *csvScanner) scan(text []byte) *InvalidError {
	if s.found {
		s.body.count(text)
		return nil
	}
	s.head = append(s.head, text...)
	return s.look(false)
}

// look looks for the header's end.
func (s *csvScanner) look(atEnd bool) *InvalidError {
	s.header, s.found = findHeader(s.head, atEnd)
	header := s.head
	if s.found {
		header = s.head[:s.header.size] // one in a row costs that row, however the text comes in pieces
	}
	if bytes.IndexByte(header[:min(len(header), maxHeader)], 0) >= 0 {
		return &InvalidError{Line: 1, Text: "it holds a NUL; send the list in UTF-8, or another encoding that has ASCII in it"}
	}
	switch {
	case s.found && s.header.size <= maxHeader:
		s.body.atCell = true
		s.body.count(s.head[s.header.size:])
		s.head = s.head[:s.header.size]
	case s.found || len(s.head) > maxHeader:
		return &InvalidError{Line: 1, Text: "no header ends within 64 KiB"}
	}
	return nil
}

func (s *csvScanner) end(p *Part) *InvalidError {
	if !s.found {
		if wrong := s.look(true); wrong != nil {
			return wrong
		}
	}
	if !s.found || s.header.text == "" {
		return &InvalidError{Line: 1, Text: "it is empty; it needs a header line that names the columns"}
	}
	s.body.end()
	p.Rows, p.Header, p.Heads, p.Head = s.body.rows, s.header.size, s.header.lines, s.header.text
	p.Lines = s.header.lines + s.body.lines
	p.Columns = s.header.names()
	// A header that ends with the text has no line end either.
	p.Open = s.body.open || s.body.lines == 0 && !bytes.HasSuffix(s.head, []byte("\n")) && !bytes.HasSuffix(s.head, []byte("\r"))
	return nil
}

// A header is the beginning of a CSV text up to its first row.
type header struct {
	size, lines int
	text        string // without marks and line ends
}

// findHeader finds the header of a text of which this is the beginning; false where
// it may go on.
func findHeader(text []byte, atEnd bool) (header, bool) {
	var h header
	at, said := 0, ""
	for bytes.HasPrefix(text[at:], []byte(mark)) {
		at += len(mark)
	}
	for {
		from, quoted := at, false
		for at < len(text) && (quoted || text[at] != '\n' && text[at] != '\r') {
			if text[at] == '"' {
				quoted = !quoted
			}
			at++
		}
		line := text[from:at]
		switch {
		case at == len(text) && !atEnd, at+1 == len(text) && text[at] == '\r' && !atEnd:
			return h, false
		case at == len(text):
		case text[at] == '\r' && at+1 < len(text) && text[at+1] == '\n':
			at += 2
		default:
			at++
		}
		switch {
		case len(line) == 0 && (at < len(text) || !atEnd):
		case said == "" && isSeparator(line):
			said = string(line) + "\n"
		default:
			h.size, h.text = at, said+string(line)
			var all counter
			all.count(text[:at])
			all.end()
			h.lines = all.lines
			return h, true
		}
	}
}

// isSeparator says that a line is one such as sep=; with which some programs begin.
func isSeparator(line []byte) bool {
	line = bytes.Trim(line, `"`)
	return len(line) == len("sep=;") && bytes.EqualFold(line[:4], []byte("sep="))
}

// names are the columns, for a person: by the delimiter that cuts most of them.
func (h header) names() []string {
	_, row, found := strings.Cut(h.text, "\n")
	if !found || !isSeparator([]byte(strings.TrimSuffix(h.text, "\n"+row))) {
		row = h.text
	}
	best := []string{row}
	for _, d := range ",;\t|" {
		r := csv.NewReader(strings.NewReader(row))
		r.Comma, r.LazyQuotes = d, true
		if cells, err := r.Read(); err == nil && len(cells) > len(best) {
			best = cells
		}
	}
	if len(best) > maxColumns {
		best = best[:maxColumns]
	}
	for i, name := range best {
		best[i] = strings.ToValidUTF8(strings.Join(strings.Fields(name), " "), "\ufffd")
	}
	return best
}

// A counter counts the rows and lines of a text, by its quotes and line ends.
type counter struct {
	lines, rows int
	quoted      bool // inside a cell with quotes
	closed      bool // the byte before closed it
	atCell      bool // a cell begins here
	cr          bool // the byte before is a CR
	some        bool // there is something in the row
	open        bool // in the line
}

func (s *counter) count(text []byte) {
	for _, c := range text {
		if c == '\n' && s.cr {
			s.cr = false
			continue
		}
		s.cr = c == '\r'
		switch c {
		case '\n', '\r':
			s.lines++
			s.open, s.closed = false, false
			if !s.quoted {
				s.row()
			}
			continue
		case '"':
			switch {
			case s.quoted:
				s.quoted, s.closed = false, true
			case s.closed, s.atCell:
				s.quoted, s.closed = true, false
			}
			s.atCell = false
		case ',', ';', '\t', '|':
			s.atCell, s.closed = !s.quoted, false
		default:
			s.atCell, s.closed = false, false
		}
		s.some, s.open = true, true
	}
}

func (s *counter) row() {
	if s.some {
		s.rows++
	}
	s.some, s.atCell = false, true
}

// end counts what has no line end.
func (s *counter) end() {
	if s.open {
		s.lines++
	}
	s.row()
}
