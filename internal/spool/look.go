package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// A Look is what is in a spool's folder.
type Look struct {
	Waiting int64     // bytes that are not known to be applied
	Oldest  time.Time // when the oldest of them came; zero where none waits
	Used    float64   // the share of its disk that is taken
}

// LookAt looks into a spool's folder from outside, while it is in use or not.
func LookAt(dir string) (Look, error) {
	l, err := lookAt(dir)
	if err != nil {
		return Look{}, fmt.Errorf("looking into the spool: %w", err)
	}
	return l, nil
}

func lookAt(dir string) (l Look, err error) {
	if l.Used, err = used(dir); err != nil {
		return l, err
	}
	all, err := segments(dir, suffix)
	if err != nil {
		return l, err
	}
	s := &Spool{dir: dir}
	applied, err := s.readApplied(all)
	if err != nil {
		return l, err
	}
	for _, n := range all {
		if n < applied.Segment {
			continue
		}
		data, err := os.ReadFile(segmentPath(dir, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was packed meanwhile
		}
		if err != nil {
			return l, err
		}
		from := int64(len(head))
		if n == applied.Segment {
			from = max(from, applied.Offset)
		}
		end := whole(data)
		if end <= from {
			continue
		}
		l.Waiting += end - from
		if payload, _, ok := next(data[from:]); ok && l.Oldest.IsZero() {
			r, err := decode(payload)
			if err != nil {
				return l, err
			}
			l.Oldest = r.At
		}
	}
	return l, nil
}

// Waiting is how much is not noted as applied, and when the oldest of it came; zero
// where nothing waits. What is applied is noted some seconds later.
func (s *Spool) Waiting() (bytes int64, oldest time.Time, err error) {
	from, end := s.Applied(), s.End()
	for n := from.Segment; n < end.Segment; n++ {
		info, err := os.Stat(segmentPath(s.dir, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was packed, or never there
		}
		if err != nil {
			return 0, time.Time{}, fmt.Errorf("looking into the spool: %w", err)
		}
		bytes += info.Size()
	}
	bytes += end.Offset - from.Offset
	records, _, _, err := s.Read(from, 1)
	if err != nil || len(records) == 0 {
		return 0, time.Time{}, err
	}
	return bytes, records[0].At, nil
}
