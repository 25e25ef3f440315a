package page

import (
	"context"
	"sync"
	"time"
)

const (
	// freshFor is how old live figures may be. Everybody who looks within it sees what
	// one look has read.
	freshFor = 900 * time.Millisecond
	// readWithin is how long one look may take.
	readWithin = 30 * time.Second
	// mostShared is how many looks are kept.
	mostShared = 2000
)

// shared keeps what people look at for a moment, so that many who watch the same cost
// Redis what one costs.
type shared struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]*look
}

// A look is one reading.
type look struct {
	done  chan struct{} // closed when it is read
	value any
	err   error
	until time.Time // when it is too old; it holds once done is closed
}

func newShared(now func() time.Time) *shared { return &shared{now: now, seen: map[string]*look{}} }

// get is what read says of a key, or has said lately. Lasts says for how long it may be
// kept. Of several who ask at once one reads.
func (s *shared) get(ctx context.Context, key string, read func(context.Context) (value any, lasts time.Duration, err error)) (any, error) {
	s.mu.Lock()
	l := s.seen[key]
	fresh := l != nil
	if fresh {
		select {
		case <-l.done:
			fresh = s.now().Before(l.until)
		default:
		}
	}
	if !fresh {
		l = &look{done: make(chan struct{})}
		if len(s.seen) >= mostShared {
			clear(s.seen)
		}
		s.seen[key] = l
		go s.read(context.WithoutCancel(ctx), key, l, read)
	}
	s.mu.Unlock()
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read reads for everybody who waits, whoever of them leaves.
func (s *shared) read(ctx context.Context, key string, l *look, read func(context.Context) (any, time.Duration, error)) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var lasts time.Duration
	defer func() {
		if recover() != nil { // its words may be anything
			l.err = errPanic
		}
		if l.err != nil {
			s.forget(key)
		}
		l.until = s.now().Add(lasts)
		close(l.done)
	}()
	l.value, lasts, l.err = read(ctx)
}

// forget has a key be read anew by who asks next.
func (s *shared) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, key)
}
