package ratelimit

import (
	"sync"
	"time"
)

// keepSample is how long the best look at Redis' clock is believed: clocks
// drift by less than a millisecond in that time.
const keepSample = 10 * time.Second

// A clock translates Redis' time into this process' monotonic time. Its wall
// clock is never used, so it may be wrong and may jump.
type clock struct {
	mu   sync.Mutex
	at   time.Time // when Redis' clock showed us
	us   float64
	trip time.Duration // of the look: the translation is wrong by half of it at most
}

// sample looks at Redis' clock: it showed us at some time between sent and
// received. Of the looks of the last seconds the shortest counts.
func (c *clock) sample(us float64, sent, received time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	trip := received.Sub(sent)
	if c.us != 0 && trip > c.trip && received.Sub(c.at) < keepSample {
		// A clock of Redis that was set is believed at once.
		if d := c.translate(us).Sub(sent.Add(trip / 2)); d.Abs() < trip+50*time.Millisecond {
			return
		}
	}
	c.at, c.us, c.trip = sent.Add(trip/2), us, trip
}

// local is when Redis' clock shows us.
func (c *clock) local(us float64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.translate(us)
}

func (c *clock) translate(us float64) time.Time {
	return c.at.Add(time.Duration((us - c.us) * 1000))
}
