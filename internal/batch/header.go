package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what an error shows of a header.
const (
	maxNames = 20
	maxName  = 40
)

// delimiters are those that are looked for, the likeliest first.
var delimiters = [...]byte{',', ';', '\t', '|'}

// A header is the first row as one delimiter cuts it.
type header struct {
	delimiter byte
	names     []string
}

// readHeader reads the header, and finds by it the delimiter: the one under which
// the columns are there that are needed.
func (r *rowReader) readHeader() error {
	s := r.s
	said, err := s.separator()
	if err != nil {
		return err
	}
	candidates := delimiters[:]
	if said != 0 {
		candidates = []byte{said}
	}
	for s.w.have(s.w.at) && (s.w.byte(s.w.at) == '\n' || s.w.byte(s.w.at) == '\r') {
		s.skip()
	}
	from, line := s.w.at, s.next
	if _, _, ok := s.w.lineEnd(from, maxRow); !ok {
		return fmt.Errorf("line %d, the header: %s", line, rowTooBig)
	}
	var best *header
	var broken problem
	for _, d := range candidates {
		s.w.back(from)
		s.next, s.delimiter = line, d
		wrong, err := s.row()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the file is empty; it needs a header line that names the columns")
		case err != nil:
			return err
		case wrong != "":
			broken = wrong
			continue
		}
		h := &header{delimiter: d}
		for _, cell := range s.cells {
			h.names = append(h.names, fold(string(cell)))
		}
		if best == nil || r.lacks(h) < r.lacks(best) || r.lacks(h) == r.lacks(best) && len(h.names) > len(best.names) {
			best = h
		}
	}
	if best == nil {
		return fmt.Errorf("line %d, the header: %s", line, broken)
	}
	s.w.back(from)
	s.next, s.delimiter = line, best.delimiter
	if r.o.Bare && len(best.names) == 1 && r.isNumber(best.names[0]) {
		r.width = 1
		return nil
	}
	if _, err := s.row(); err != nil {
		return err
	}
	return r.place(best.names)
}

// isNumber says that a cell is a phone number.
func (r *rowReader) isNumber(cell string) bool {
	_, err := r.phone.Read([]byte(cell))
	return err == nil
}

// separator reads the line `sep=;` with which some programs say the delimiter.
func (s *splitter) separator() (byte, error) {
	if !s.w.have(s.w.at) {
		return 0, s.emptyError()
	}
	end, _, ok := s.w.lineEnd(s.w.at, windowSize)
	if !ok || end-s.w.at > len(`"sep=;"`) {
		return 0, nil
	}
	text := bytes.Trim(s.w.bytes(s.w.at, end), `"`)
	if len(text) != len("sep=;") || !bytes.EqualFold(text[:4], []byte("sep=")) {
		return 0, nil
	}
	d := text[4]
	if d >= utf8.RuneSelf || unicode.IsLetter(rune(d)) || unicode.IsDigit(rune(d)) || d == '"' {
		return 0, fmt.Errorf("line %d: sep= names no delimiter; a comma, a semicolon, a tab and | are", s.next)
	}
	s.skip()
	return d, nil
}

func (s *splitter) emptyError() error {
	if err := s.readError(); !errors.Is(err, io.EOF) {
		return err
	}
	return errors.New("the file is empty; it needs a header line that names the columns")
}

// skip passes over a line.
func (s *splitter) skip() {
	s.w.skipLine()
	s.next++
}

// lacks is how many of the columns that are needed a header has not.
func (r *rowReader) lacks(h *header) int {
	n := 0
	if !slices.Contains(h.names, fold(r.o.Phone)) && !isExport(h.names) {
		n++
	}
	for _, c := range r.o.Columns {
		if !slices.Contains(h.names, fold(c.Name)) {
			n++
		}
	}
	return n
}

// place finds the columns that are needed.
func (r *rowReader) place(names []string) (err error) {
	r.width = len(names)
	phone := r.o.Phone
	r.exported = isExport(names)
	if r.exported && !slices.Contains(names, fold(phone)) {
		phone = names[exportPhone]
	}
	if r.at, err = find(names, phone, "recipients.phone"); err != nil {
		return err
	}
	for _, c := range r.o.Columns {
		what := "the message's placeholder {{" + c.Name + "}}"
		if c.Kept {
			what = "recipients.keep"
		}
		i, err := find(names, c.Name, what)
		if err != nil {
			return err
		}
		r.columns = append(r.columns, i)
	}
	return nil
}

// find is the place of a column, which must be there once.
func find(names []string, name, what string) (int, error) {
	i := slices.Index(names, fold(name))
	switch {
	case i >= 0 && slices.Contains(names[i+1:], names[i]):
		return 0, fmt.Errorf("%s: there are two columns %q", what, name)
	case i >= 0:
		return i, nil
	case slices.ContainsFunc(names, isData):
		return 0, errors.New("the first line looks like data; a header is needed: a first line that names the columns")
	}
	return 0, fmt.Errorf("%s: there is no column %q; the columns are: %s", what, name, list(names))
}

// list shows the names of columns, as far as a person reads them.
func list(names []string) string {
	more := ""
	if len(names) > maxNames {
		more = fmt.Sprintf(" and %d more", len(names)-maxNames)
		names = names[:maxNames]
	}
	short := make([]string, len(names))
	for i, name := range names {
		short[i] = cutName(name)
	}
	return strings.Join(short, ", ") + more
}

// cutName cuts a name that is longer than names are.
func cutName(name string) string {
	if utf8.RuneCountInString(name) <= maxName {
		return name
	}
	return string([]rune(name)[:maxName]) + "..."
}

// isData says that a cell is a number, an address or a time rather than the name
// of a column: then nothing of its line may be shown.
func isData(name string) bool {
	digits, letters := 0, 0
	for _, c := range name {
		switch {
		case unicode.IsDigit(c):
			digits++
		case unicode.IsLetter(c):
			letters++
		}
	}
	year := digits == 4 && len(name) == 4
	return strings.Contains(name, "@") || digits >= 7 || digits > 0 && letters == 0 && !year
}
