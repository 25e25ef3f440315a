package ratelimit

import (
	"time"

	"sluice/internal/redisclock"
)

// A clock is Redis' clock in microseconds, as the scripts have it.
type clock struct{ redisclock.Clock }

// sample is told that Redis' clock showed us at some time between sent and
// received.
func (c *clock) sample(us float64, sent, received time.Time) {
	c.Sample(ofMicros(us), sent, received)
}

// local is when Redis' clock shows us.
func (c *clock) local(us float64) time.Time { return c.Local(ofMicros(us)) }

func ofMicros(us float64) time.Time { return time.Unix(0, int64(us*1000)) }
