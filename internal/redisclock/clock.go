// Package redisclock tells the time of Redis, so that all programs mean the same
// by it.
package redisclock

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// lookAtClock is how often Redis' clock is looked at: two machines drift by
	// less than a millisecond in that time.
	lookAtClock = 10 * time.Second
	// clockWithin is how long one look may take. What is known goes on until then.
	clockWithin = 2 * time.Second
)

// A Clock tells Redis' time, so that all workers mean the same by it: when a
// campaign starts, a window opens, a recipient is due again. A worker's own clock
// may be wrong and may jump; nothing asks it.
type Clock struct {
	rdb redis.UniversalClient

	mu     sync.Mutex
	looked time.Time // for what has passed since, which no change of the clock touches
	showed time.Time
}

// New makes a Clock that has looked at Redis' once.
func New(ctx context.Context, rdb redis.UniversalClient) (*Clock, error) {
	c := &Clock{rdb: rdb}
	if err := c.look(ctx); err != nil {
		return nil, fmt.Errorf("looking at the clock of Redis: %w", err)
	}
	return c, nil
}

// Now is Redis' time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.showed.Add(time.Since(c.looked))
}

// Keep looks at Redis' clock now and then until ctx ends. While Redis is away the
// time goes on.
func (c *Clock) Keep(ctx context.Context) {
	tick := time.NewTicker(lookAtClock)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		short, cancel := context.WithTimeout(ctx, clockWithin)
		_ = c.look(short) // the next will do
		cancel()
	}
}

func (c *Clock) look(ctx context.Context) error {
	sent := time.Now()
	showed, err := c.rdb.Time(ctx).Result()
	if err != nil {
		return err
	}
	trip := time.Since(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked, c.showed = sent.Add(trip/2), showed
	return nil
}
