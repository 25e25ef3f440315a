package ratelimit

import (
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
