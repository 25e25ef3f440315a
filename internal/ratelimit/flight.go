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

// share is this worker's part of what may be in flight. It shrinks as soon as
// another worker is seen, and grows once all have seen all; so one that joins has
// a single place until the others have made room. Workers that begin at the same
// instant see each other within a second.
func (s *Sender) share(a *answer, busy bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Flight == 0 {
		return 0
	}
	workers := a.Live
	if !busy {
		workers = a.Others + 1
	}
	part := max(1, min(a.Flight, cmp.Or(s.lim.InFlight, a.Flight))/workers)
	switch {
	case a.MPS > 0:
		// The pace bounds what begins, and a place must not cost it: whoever joins
		// takes an equal part at once, and the others make room within a second.
	case !busy && a.Others > 0:
		part = 1
	case !s.joined && a.Live > 1 && !a.Settled:
		part = 1
	case !a.Settled:
		part = min(part, max(1, s.part))
	}
	s.joined = busy && (s.joined || a.Settled)
	s.part = part
	return part
}
