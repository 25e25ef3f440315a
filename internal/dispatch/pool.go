package dispatch

import "sync"

// A pool makes submissions on goroutines that it keeps, so that each has its
// stack grown once. Its size bounds what this worker has in flight for a sender.
type pool struct {
	work    chan func()
	done    chan struct{}
	wg      sync.WaitGroup
	mu      sync.Mutex
	spare   int // goroutines that may still be started
	stopped bool
}

func newPool(size int) *pool {
	return &pool{work: make(chan func()), done: make(chan struct{}), spare: size}
}

// do runs f on a goroutine of the pool as soon as one is free. After the stop it
// runs it itself: a handler that the queue no longer waits for may still be here.
func (p *pool) do(f func()) {
	select {
	case p.work <- f:
		return
	default:
	}
	p.mu.Lock()
	start := p.spare > 0 && !p.stopped
	if start {
		p.spare--
		p.wg.Go(func() { p.run(f) })
	}
	p.mu.Unlock()
	if start {
		return
	}
	select {
	case p.work <- f:
	case <-p.done:
		f()
	}
}

func (p *pool) run(f func()) {
	for {
		f()
		select {
		case f = <-p.work:
		case <-p.done:
			return
		}
	}
}

// stop waits until all that runs has ended.
func (p *pool) stop() {
	p.mu.Lock()
	p.stopped = true
	close(p.done)
	p.mu.Unlock()
	p.wg.Wait()
}
