package parts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine is the most that a line of NDJSON holds.
const maxLine = 1 << 20

// ndjsonScanner checks each line of NDJSON: an object of plain values. Programs write
// it, so that what is none is a mistake of theirs and refused, not a row.
type ndjsonScanner struct {
	rest    []byte // of a line that has not ended
	lines   int
	rows    int
	columns []string
	known   map[string]bool
}

func (s *ndjsonScanner) scan(text []byte) *InvalidError {
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			if s.rest = append(s.rest, text...); len(s.rest) > maxLine {
				return &InvalidError{Line: s.lines + 1, Text: "the line is longer than 1 MiB"}
			}
			return nil
		}
		line := text[:i]
		if len(s.rest) > 0 {
			line = append(s.rest, line...)
		}
		if wrong := s.line(line); wrong != nil {
			return wrong
		}
		s.rest, text = s.rest[:0], text[i+1:]
	}
}

func (s *ndjsonScanner) line(line []byte) *InvalidError {
	s.lines++
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	if len(line) > maxLine {
		return &InvalidError{Line: s.lines, Text: "the line is longer than 1 MiB"}
	}
	values, err := readLine(line)
	if err != nil {
		return &InvalidError{Line: s.lines, Text: err.Error()}
	}
	s.rows++
	for _, v := range values {
		if s.known[v.name] {
			continue
		}
		if len(s.columns) == maxColumns {
			return &InvalidError{Line: s.lines, Text: fmt.Sprintf("there are more than %d columns", maxColumns)}
		}
		s.known[v.name] = true
		s.columns = append(s.columns, v.name)
	}
	return nil
}

func (s *ndjsonScanner) end(p *Part) *InvalidError {
	if len(s.rest) > 0 {
		if wrong := s.line(s.rest); wrong != nil {
			return wrong
		}
	}
	p.Rows, p.Lines, p.Columns = s.rows, s.lines, s.columns
	return nil
}

// A value is one of a line's.
type value struct{ name, text string }

// errLine says what a line is to be, and shows nothing of it.
var (
	errNoObject = lineError("the line is no JSON object")
	errNested   = lineError("a value is an object or a list; a cell is a text, a number, true, false or null")
	errNoText   = lineError("the line is not valid UTF-8")
	errTwice    = lineError("a key stands in the line twice")
)

type lineError string

// Error says it.
func (e lineError) Error() string { return string(e) }

// readLine reads a line's values in their order. Numbers stay as they are written; a
// null is empty.
func readLine(line []byte) ([]value, error) {
	if !utf8.Valid(line) {
		return nil, errNoText
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var values []value
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errNoObject
		}
		v, err := d.Token()
		if err != nil {
			return nil, errNoObject
		}
		text := ""
		switch v := v.(type) {
		case nil:
		case json.Delim:
			return nil, errNested
		case string:
			text = v
		default:
			text = fmt.Sprint(v)
		}
		key := strings.Join(strings.Fields(fmt.Sprint(name)), " ")
		for _, other := range values {
			if other.name == key {
				return nil, errTwice
			}
		}
		values = append(values, value{key, text})
	}
	if _, err := d.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return values, nil
}
