// Package redisclock tells the time of Redis, so that all programs mean the same
// by it: when a campaign starts, a window opens, a slot begins. A program's own
// clock may be wrong and may jump; nothing asks it. What is told is wrong by half
// the round trip of the best look at most, and by what clocks drift since.
package redisclock

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// syncEvery is how often Redis' clock is looked at, and retryEvery after a look
	// that was too slow to tell much, or failed.
	syncEvery  = 10 * time.Second
	retryEvery = time.Second
	// syncWithin is how long one look may take. What is known goes on until then.
	syncWithin = 2 * time.Second
	// sharp is a round trip that tells the time well enough; firstLooks is how often
	// a new Clock looks for one.
	sharp      = 20 * time.Millisecond
	firstLooks = 5
	// clockDrift is what two machines' clocks may drift apart in a second.
	clockDrift = 200 * time.Microsecond
)

// A Clock translates between Redis' time and this process' monotonic time. It is
// safe for use by many goroutines. A zero Clock knows nothing until its first
// Sample, which its user gives it then.
type Clock struct {
	rdb redis.UniversalClient

	mu    sync.Mutex
	at    time.Time     // own time when Redis' clock showed
	shown time.Time     // this,
	wrong time.Duration // wrong by so much at most, at that time
}

// New makes a Clock that has looked at Redis' clock. Keep keeps it right.
func New(ctx context.Context, rdb redis.UniversalClient) (*Clock, error) {
	c := &Clock{rdb: rdb}
	for look := range firstLooks {
		trip, err := c.look(ctx)
		if err != nil && look == 0 {
			return nil, fmt.Errorf("looking at the clock of Redis: %w", err)
		}
		if err != nil || trip <= sharp {
			break
		}
	}
	return c, nil
}

// Now is Redis' time.
func (c *Clock) Now() time.Time { return c.Shown(time.Now()) }

// Shown is what Redis' clock shows at a time of this process' own clock.
func (c *Clock) Shown(own time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown.Add(own.Sub(c.at))
}

// Local is when, by this process' own clock, Redis' clock shows t.
func (c *Clock) Local(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(t.Sub(c.shown))
}

// Keep looks at Redis' clock now and then until ctx ends. While Redis is away the
// time goes on.
func (c *Clock) Keep(ctx context.Context) {
	wait := syncEvery
	for {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		short, cancel := context.WithTimeout(ctx, syncWithin)
		trip, err := c.look(short)
		cancel()
		wait = syncEvery
		if err != nil || trip > sharp {
			wait = retryEvery
		}
	}
}

// look asks for the time once, and returns how long that took.
func (c *Clock) look(ctx context.Context) (trip time.Duration, err error) {
	sent := time.Now()
	shown, err := c.rdb.Time(ctx).Result()
	if err != nil {
		return 0, err
	}
	received := time.Now()
	c.Sample(shown, sent, received)
	return received.Sub(sent), nil
}

// Sample is told that Redis' clock showed a time at some moment between sent and
// received. The middle is believed, and is wrong by half the round trip at most:
// a look that can tell no more than what is known changes nothing, unless what is
// known cannot be true any more. Redis' clock was set then, or is another's.
func (c *Clock) Sample(shown, sent, received time.Time) {
	wrong := received.Sub(sent) / 2
	at := sent.Add(wrong)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() {
		age := at.Sub(c.at)
		known := c.wrong + time.Duration(age.Seconds()*float64(clockDrift))
		apart := shown.Sub(c.shown.Add(age)).Abs()
		if wrong > known && apart <= known+wrong {
			return
		}
	}
	c.at, c.shown, c.wrong = at, shown, wrong
}
