package ratelimit

import (
	"cmp"
	"context"
	"math"
	"sync"
)

// A flight bounds submissions in flight. Its size may change at any time: what
// is in flight beyond a smaller size ends by itself.
type flight struct {
	mu    sync.Mutex
	size  int // 0: no bound
	used  int
	queue []chan struct{}
}

func (f *flight) init(size int) { f.size = size }

func (f *flight) acquire(ctx context.Context) error {
	f.mu.Lock()
	if f.size == 0 || f.used < f.size {
		f.used++
		f.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	f.queue = append(f.queue, ready)
	f.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.queue {
		if r == ready {
			f.queue = append(f.queue[:i], f.queue[i+1:]...)
			return ctx.Err()
		}
	}
	return nil // it became ready meanwhile
}

// try takes a place if there is one, and nobody waits for it.
func (f *flight) try() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size > 0 && (f.used >= f.size || len(f.queue) > 0) {
		return false
	}
	f.used++
	return true
}

// busy says that something is in flight, or wants to be.
func (f *flight) busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used > 0 || len(f.queue) > 0
}

// free is how many places there are.
func (f *flight) free() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size == 0 {
		return math.MaxInt
	}
	return max(0, f.size-f.used)
}

// places is how many there are, taken or not; 0: there is no bound.
func (f *flight) places() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size
}

func (f *flight) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used--
	f.admit()
}

func (f *flight) resize(size int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size = size
	f.admit()
}

// admit lets in those who wait and have room.
func (f *flight) admit() {
	for len(f.queue) > 0 && (f.size == 0 || f.used < f.size) {
		f.used++
		close(f.queue[0])
		f.queue = f.queue[1:]
	}
}

// inUse is how many are in flight.
func (f *flight) inUse() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// share is this worker's part of what may be in flight: an equal one, but no more
// than what the others said that they leave. So one that joins has a single place
// until they have made room. Workers that begin at the same instant see each other
// within a second. The caller holds the lock.
func (s *Sender) share() int {
	h := s.answer.head
	if h.Flight == 0 {
		s.settled = true
		return 0
	}
	most := min(h.Flight, cmp.Or(s.lim.InFlight, h.Flight))
	workers, left := 1, most
	for name, w := range s.answer.workers {
		if name != s.l.o.Worker && s.answer.now-w.at < gone {
			workers++
			left -= w.flight
		}
	}
	equal := max(1, most/workers)
	s.inFlightShare = equal
	if h.Messages == 0 {
		// Where there is a pace it bounds what begins, and a place must not cost it.
		s.inFlightShare = max(1, min(equal, left))
	}
	s.settled = s.inFlightShare == equal
	return s.inFlightShare
}
