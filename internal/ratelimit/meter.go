package ratelimit

import "time"

// A rateMeter is roughly how many messages were granted a second lately.
type rateMeter struct {
	from   time.Time
	n      int
	before float64
}

func (m *rateMeter) add(n int) {
	now := time.Now()
	if d := now.Sub(m.from); d >= time.Second {
		m.before = float64(m.n) / d.Seconds()
		m.from, m.n = now, 0
	}
	m.n += n
}

func (m *rateMeter) perSecond() float64 {
	if d := time.Since(m.from); d < time.Second {
		return max(m.before, float64(m.n))
	}
	return m.before
}
