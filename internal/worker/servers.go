package worker

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Servers notice when another Redis answers than before: one that was started anew,
// or that took over. Connected is asked with each new connection, before anything
// else is.
type Servers struct {
	mu      sync.Mutex
	known   map[string]bool
	changed func()
}

// Connected is called with each new connection.
func (s *Servers) Connected(ctx context.Context, cn *redis.Conn) error {
	text, err := cn.Info(ctx, "server").Result()
	if err != nil {
		if redis.HasErrorPrefix(err, "NOPERM") {
			return nil // nobody may know
		}
		return err
	}
	for line := range strings.Lines(text) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "run_id:"); ok {
			s.met(id)
		}
	}
	return nil
}

// met takes in which server answers.
func (s *Servers) met(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[id] {
		return
	}
	if s.known == nil {
		s.known = map[string]bool{}
	} else if s.changed != nil {
		s.changed()
	}
	s.known[id] = true
}

// onChange has f told of each other server, from now on.
func (s *Servers) onChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = f
}
