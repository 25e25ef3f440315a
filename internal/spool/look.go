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
