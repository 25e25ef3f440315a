package batch

import "bytes"

// maxDoubt is how far a cell is looked for that a quote inside it ended early.
const maxDoubt = 64 << 10

// doubt marks the lines after a broken row that may belong to a cell of it: one
// whose text has quotes that are not doubled, so that no reader of CSV knows where
// it ends, and that goes on in the next lines. A number that stands in them is
// perhaps nobody's row, so they are none. The row is that from the place from to
// next.
//
// A line whose quotes are even may as well be whole: where the next one with odd
// quotes opens a cell of its own, it is.
func (s *splitter) doubt(from, next int) {
	line := s.w.bytes(from, next)
	if !s.endsEarly(line) {
		return
	}
	whole := bytes.Count(line, []byte{'"'})%2 == 0
	defer s.w.back(from)
	for at := max(next, s.unclosed); at-next <= maxDoubt && s.w.have(at); {
		end, after, ok := s.w.lineEnd(at, maxDoubt)
		if !ok {
			break
		}
		if text := s.w.bytes(at, end); bytes.Count(text, []byte{'"'})%2 == 1 {
			if whole && s.opens(text) {
				return
			}
			if s.closes(text) {
				s.doubtful = after
				return
			}
		}
		at = after
		s.unclosed = at
	}
}

// opens says that the first quote of a line, which has one, stands where a cell
// begins.
func (s *splitter) opens(line []byte) bool {
	i := bytes.IndexByte(line, '"')
	return i == 0 || line[i-1] == s.delimiter
}

// endsEarly says that a line opens a cell with a quote, and that the next quote
// ends it where no cell ends.
func (s *splitter) endsEarly(line []byte) bool {
	for len(line) > 0 {
		if line[0] == '"' {
			rest := line[1:]
			for {
				i := bytes.IndexByte(rest, '"')
				if i < 0 {
					return false
				}
				if i+1 < len(rest) && rest[i+1] == '"' {
					rest = rest[i+2:]
					continue
				}
				rest = rest[i+1:]
				break
			}
			if !s.cellEnds(rest) {
				return true
			}
			line = rest
		}
		i := bytes.IndexByte(line, s.delimiter)
		if i < 0 {
			return false
		}
		line = line[i+1:]
	}
	return false
}

// closes says that a line has a quote where a cell ends.
func (s *splitter) closes(line []byte) bool {
	for {
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return false
		}
		line = line[i+1:]
		if s.cellEnds(line) {
			return true
		}
	}
}

func (s *splitter) cellEnds(rest []byte) bool {
	return len(rest) == 0 || rest[0] == s.delimiter || rest[0] == '\r' || rest[0] == '\n'
}
