package spool

import (
	"fmt"
	"time"
)

// busy is the number of records a second above which commits gather.
const busy = 1000

// diskEvery is how often the room on the disk is looked at.
const diskEvery = time.Second

// run commits what gathered while the last commit ran, until the spool is closed.
func (s *Spool) run() {
	defer close(s.ended)
	looks := time.NewTicker(diskEvery)
	defer looks.Stop()
	last, records := time.Now(), 0
	for {
		select {
		case _, open := <-s.wake:
			now := time.Now()
			if open && float64(records) > busy*now.Sub(last).Seconds() {
				time.Sleep(s.o.Gather)
			}
			last = now
			records = s.commit()
			if !open {
				return
			}
		case <-looks.C:
			s.look()
		}
	}
}

// look looks at the room on the disk.
func (s *Spool) look() {
	share, err := s.o.used(s.dir)
	s.mu.Lock()
	s.full = err == nil && share >= s.o.Full
	s.mu.Unlock()
}

// commit writes what waits, and returns how many records that were.
func (s *Spool) commit() int {
	s.mu.Lock()
	c := s.waiting
	if c.records == 0 {
		s.mu.Unlock()
		return 0
	}
	s.waiting = &commit{done: make(chan struct{}), data: s.spare}
	s.mu.Unlock()
	s.spare = nil
	if err := s.write(c.data); err != nil {
		c.err = fmt.Errorf("writing the spool: %w", err)
	} else {
		s.mu.Lock()
		s.end = Position{s.segment, s.size}
		close(s.grown)
		s.grown = make(chan struct{})
		s.mu.Unlock()
	}
	close(c.done)
	if cap(c.data) <= maxSpare {
		s.spare = c.data[:0] // who waits for a commit does not look at its data
	}
	return c.records
}

// maxSpare is the most memory that is kept for the next commit.
const maxSpare = 1 << 20

// write makes data durable at the end of the segment, or of a new one where this
// has come to its end or to an error. After an error none of it counts: the
// segment is cut back if it can be, and nothing more is written to it.
func (s *Spool) write(data []byte) error {
	if s.broken || s.size >= s.o.SegmentBytes {
		out, err := s.o.create(s.dir, s.segment+1)
		if err != nil {
			return err
		}
		_ = s.out.Close() // durable, or given up
		s.out, s.segment, s.size, s.broken = out, s.segment+1, int64(len(head)), false
	}
	_, err := s.out.Write(data)
	if err == nil {
		err = s.o.sync(s.out)
	}
	if err != nil {
		s.broken = true
		_ = s.out.Truncate(s.size) // if it fails, the checksums tell as well
		return err
	}
	s.size += int64(len(data))
	return nil
}
