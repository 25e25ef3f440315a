package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A Position is a place between two records.
type Position struct {
	Segment int64
	Offset  int64
}

func (p Position) before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// A Read is a record and where the next one begins.
type Read struct {
	Record
	Next Position
}

// readAtOnce is how much of a segment is read at once; more where one record is
// longer.
const readAtOnce = 1 << 20

// Read returns the records that follow a position, up to most of them; none where
// there is no more. Damaged is how many bytes were passed over on the way, that
// were acknowledged and are not what was written; Next is where to go on.
func (s *Spool) Read(from Position, most int) (records []Read, next Position, damaged int64, err error) {
	end := s.End()
	for from.before(end) && len(records) == 0 {
		limit := int64(-1)
		if from.Segment == end.Segment {
			limit = end.Offset
		}
		var rest int64
		records, from, rest, err = s.readSegment(from, limit, most)
		if err != nil {
			return nil, from, damaged, fmt.Errorf("reading the spool: %w", err)
		}
		damaged += rest
		if len(records) == 0 && from.Segment < end.Segment {
			if from, err = s.after(from.Segment); err != nil {
				return nil, from, damaged, fmt.Errorf("reading the spool: %w", err)
			}
		} else if len(records) == 0 {
			break
		}
	}
	return records, from, damaged, nil
}

// after is the beginning of the first segment after n.
func (s *Spool) after(n int64) (Position, error) {
	all, err := segments(s.dir, suffix)
	if err != nil {
		return Position{}, err
	}
	for _, k := range all {
		if k > n {
			return Position{k, 0}, nil
		}
	}
	return s.End(), nil
}

// readSegment reads records of one segment up to limit, -1 for its end. Rest is
// what no record could be made of there.
func (s *Spool) readSegment(from Position, limit int64, most int) (records []Read, to Position, rest int64, err error) {
	f, err := os.Open(segmentPath(s.dir, from.Segment))
	if ok, err := exists(err); !ok {
		return nil, from, 0, err // packed: applied long ago
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, from, 0, err
	}
	if limit < 0 {
		limit = info.Size()
	}
	from.Offset = max(from.Offset, int64(len(head)))
	for size := int64(readAtOnce); ; size *= 4 {
		data := make([]byte, max(0, min(size, limit-from.Offset)))
		if _, err := f.ReadAt(data, from.Offset); err != nil && !errors.Is(err, io.EOF) {
			return nil, from, 0, err
		}
		records, to, err = cut(data, from, most)
		whole := from.Offset+int64(len(data)) >= limit
		if err != nil || len(records) > 0 || whole || size > maxRecord {
			if len(records) == 0 && err == nil && from.Offset < limit {
				rest = limit - from.Offset
				to.Offset = limit
			}
			return records, to, rest, err
		}
	}
}

// cut makes records of data, which stands at a position.
func cut(data []byte, at Position, most int) ([]Read, Position, error) {
	var records []Read
	for len(records) < most {
		payload, size, ok := next(data)
		if !ok {
			break
		}
		r, err := decode(payload)
		if err != nil {
			return records, at, err
		}
		data = data[size:]
		at.Offset += int64(size)
		records = append(records, Read{r, at})
	}
	return records, at, nil
}

// Applied is the last position that Apply was told.
func (s *Spool) Applied() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied
}

// Apply notes, durably, that all before a position has been applied: reading goes
// on there after a restart.
func (s *Spool) Apply(p Position) error {
	if err := replace(s.appliedPath(), fmt.Appendf(nil, "1 %d %d\n", p.Segment, p.Offset)); err != nil {
		return fmt.Errorf("noting what of the spool is applied: %w", err)
	}
	s.mu.Lock()
	s.applied = p
	s.mu.Unlock()
	return nil
}

func (s *Spool) appliedPath() string { return filepath.Join(s.dir, "applied") }

// readApplied reads what Apply noted. Where that is not there, or is of a segment
// that is not, reading begins at the first one that there is.
func (s *Spool) readApplied(all []int64) (Position, error) {
	first := Position{s.segment, 0}
	if len(all) > 0 {
		first.Segment = all[0]
	}
	data, err := os.ReadFile(s.appliedPath())
	if ok, err := exists(err); !ok {
		return first, err
	}
	var version int
	var p Position
	if n, err := fmt.Sscanf(string(data), "%d %d %d", &version, &p.Segment, &p.Offset); err != nil || n != 3 || version != 1 {
		return first, nil //nolint:nilerr // applying all again changes nothing, and losing it would
	}
	if p.before(first) {
		return first, nil
	}
	return p, nil
}
