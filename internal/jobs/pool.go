package jobs

import "sync"

// A pool makes submissions on goroutines that it keeps, so that each has its
// stack grown once. Its size bounds what this worker has in flight for a sender.
type pool struct {
	work  chan func()
	wg    sync.WaitGroup
	mu    sync.Mutex
	spare int // goroutines that may still be started
}

func newPool(size int) *pool {
	return &pool{work: make(chan func()), spare: size}
}

// do runs f on a goroutine of the pool as soon as one is free.
func (p *pool) do(f func()) {
	select {
	case p.work <- f:
		return
	default:
	}
	p.mu.Lock()
	start := p.spare > 0
	if start {
		p.spare--
	}
	p.mu.Unlock()
	if !start {
		p.work <- f
		return
	}
	p.wg.Go(func() {
		for f != nil {
			f()
			f = <-p.work
		}
	})
}

// stop waits until all that runs has ended. Nothing may be given to the pool
// any more.
func (p *pool) stop() {
	close(p.work)
	p.wg.Wait()
}
