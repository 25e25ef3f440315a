package ratelimit

import (
	"time"

	"sluice/internal/redisclock"
)

// A clock is Redis' clock in microseconds, as the scripts have it.
type clock struct{ redisclock.Clock }

// sample is told that Redis' clock showed us at some time between sent and
// received.
func (c *clock) sample(us int64, sent, received time.Time) {
	c.Sample(time.UnixMicro(us), sent, received)
}

// local is when Redis' clock shows us.
func (c *clock) local(us int64) time.Time { return c.Local(time.UnixMicro(us)) }

// us is what Redis' clock shows at a time.
func (c *clock) us(at time.Time) int64 { return c.Shown(at).UnixMicro() }
