// Package spool keeps what came in durable until it is applied: records of which
// Append has returned nil are read back, in order and each at least once, whatever
// is killed in between; what was torn at the end is cut off and was never
// acknowledged. It holds without Redis, and refuses rather than to lose.
//
// It is a file format of its own because the log libraries at hand either refuse
// a torn tail or have no checksum to see one by.
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var (
	// ErrFull says that there is no room: on the disk, or in memory because the
	// disk does not keep up. Nothing was kept.
	ErrFull = errors.New("the spool is full")
	// ErrClosed says that the spool has been closed.
	ErrClosed = errors.New("the spool is closed")
)

// Options say how to spool.
type Options struct {
	// SegmentBytes is where a segment ends; 64 MiB if 0.
	SegmentBytes int64
	// Full is the share of the disk above which nothing more is taken; 0.95 if 0.
	Full float64
	// Gather is how long a commit waits for more records while more than a
	// thousand a second come; 1 ms if 0.
	Gather time.Duration

	used   func(dir string) (share float64, err error) // of the disk; for tests
	create func(dir string, n int64) (file, error)
	sync   func(file) error
}

const (
	defaultSegment = 64 << 20
	defaultFull    = 0.95
	defaultGather  = time.Millisecond
	// maxWaiting bounds what waits for one commit.
	maxWaiting = 16 << 20
)

// A Spool is one directory of segments. It is safe for use by many goroutines;
// one process may have it open at a time.
type Spool struct {
	dir  string
	o    Options
	lock *os.File
	cut  int64 // bytes of a torn tail at the start

	mu      sync.Mutex
	waiting *commit
	closed  bool
	full    bool
	end     Position      // of what is durable
	grown   chan struct{} // closed and made anew when end grows
	applied Position

	wake  chan struct{}
	ended chan struct{}

	// Of the committer alone.
	out     file
	segment int64
	size    int64
	broken  bool   // the segment may end in bytes that are no record
	spare   []byte // the memory of the commit before the last
}

// A commit is what goes to the disk at once.
type commit struct {
	data    []byte
	records int
	done    chan struct{}
	err     error
}

// Open opens the spool in a directory, which it makes. It refuses a directory
// that it cannot write to durably, one on a disk that is full, and one that
// another process has open.
func Open(dir string, o Options) (*Spool, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegment
	}
	if o.Full == 0 {
		o.Full = defaultFull
	}
	if o.Gather == 0 {
		o.Gather = defaultGather
	}
	if o.used == nil {
		o.used = used
	}
	if o.create == nil {
		o.create = func(dir string, n int64) (file, error) { return create(dir, n) }
	}
	if o.sync == nil {
		o.sync = func(f file) error { return datasync(f.(*os.File)) }
	}
	s := &Spool{
		dir: dir, o: o, waiting: &commit{done: make(chan struct{})}, grown: make(chan struct{}),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("opening the spool in %s: %w", dir, errors.Join(err, s.unlock()))
	}
	go s.run()
	return s, nil
}

func (s *Spool) open() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	var err error
	if s.lock, err = lock(filepath.Join(s.dir, "lock")); err != nil {
		return err
	}
	share, err := s.o.used(s.dir)
	if err != nil {
		return err
	}
	if share >= s.o.Full {
		return fmt.Errorf("its disk is %.0f %% full: make room, or give --dir on a volume of its own: %w", share*100, ErrFull)
	}
	all, err := segments(s.dir, suffix)
	if err != nil {
		return err
	}
	last, err := s.lastEver(all)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		if _, s.cut, err = mend(segmentPath(s.dir, all[len(all)-1])); err != nil {
			return err
		}
	}
	// Always a new segment: that it can be made shows that the disk can be written
	// to, and nothing is ever appended to what a crash may have left.
	s.segment = last + 1
	if s.out, err = s.o.create(s.dir, s.segment); err != nil {
		return err
	}
	s.size = int64(len(head))
	s.end = Position{s.segment, s.size}
	s.applied, err = s.readApplied(all)
	return err
}

// lastEver is the highest number that a segment has had, also one that was
// packed.
func (s *Spool) lastEver(all []int64) (int64, error) {
	packed, err := segments(s.dir, packedSuffix)
	if err != nil {
		return 0, err
	}
	last := int64(0)
	for _, some := range [][]int64{all, packed} {
		if len(some) > 0 {
			last = max(last, some[len(some)-1])
		}
	}
	return last, nil
}

// Cut is how many bytes of a torn tail were cut off at the start.
func (s *Spool) Cut() int64 { return s.cut }

// Append keeps a record. When it has returned nil, the record is on the disk.
// After ErrFull nothing is; after another error the record may turn up all the
// same.
func (s *Spool) Append(r *Record) error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrClosed
	case s.full, len(s.waiting.data) > maxWaiting, len(r.Body) > maxRecord/2:
		s.mu.Unlock()
		return ErrFull
	}
	c := s.waiting
	c.data = appendRecord(c.data, r)
	c.records++
	select { // under the mutex, for Close closes it
	case s.wake <- struct{}{}:
	default:
	}
	s.mu.Unlock()
	<-c.done
	return c.err
}

// End is where what is durable ends.
func (s *Spool) End() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Full says that the disk is too full to take anything.
func (s *Spool) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

// Wait waits until there is something to read after a position, or ctx ends.
func (s *Spool) Wait(ctx context.Context, after Position) error {
	for {
		s.mu.Lock()
		more, grown := after.before(s.end), s.grown
		s.mu.Unlock()
		if more {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close commits what waits, and gives the directory up.
func (s *Spool) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	close(s.wake)
	<-s.ended
	return errors.Join(s.out.Close(), s.unlock())
}

func (s *Spool) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}
