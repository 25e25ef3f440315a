package ratelimit

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"
)

// A memory is the store without Redis: what the two scripts do, in Go, on a clock
// that a test may set. TestMemoryIsAsRedis holds it against them.
type memory struct {
	mu      sync.Mutex
	clock   func() int64
	away    time.Duration // of Redis, there and back
	down    bool
	version int
	none    bool
	head    head
	next    int64
	reach   int64
	workers map[string]presence
	plan    map[string]string
	day     usage
	asked   int
}

func newMemory(clock func() int64) *memory {
	return &memory{clock: clock, none: true, head: head{throttling: throttling{Factor: 1}}, workers: map[string]presence{}, plan: map[string]string{}, day: usage{}}
}

var errDown = errors.New("no answer")

// trip is one way of a question.
func (m *memory) trip(ctx context.Context) error {
	if m.away == 0 {
		return nil
	}
	return until(ctx, time.Now().Add(m.away/2))
}

func (m *memory) beat(ctx context.Context, r report) (*answer, error) {
	if err := m.trip(ctx); err != nil {
		return nil, err
	}
	a, err := m.beatNow(r)
	if err != nil {
		return nil, err
	}
	return a, m.trip(ctx)
}

func (m *memory) beatNow(r report) (*answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.down {
		return nil, errDown
	}
	now := m.clock()
	a := &answer{now: now, version: strconv.Itoa(m.version), head: m.head, none: m.none, next: m.next, reach: m.reach}
	if r.worker != "" {
		own := m.plan["p:"+r.worker]
		delete(m.plan, "p:"+r.worker)
		var err error
		if a.slots, err = decodeSlots(r.worker, own); err != nil {
			return nil, err
		}
		if r.flight < 0 {
			delete(m.workers, r.worker)
		} else {
			m.workers[r.worker] = presence{now, r.flight}
		}
		if len(r.demands) == 0 {
			delete(m.plan, "d:"+r.worker)
			delete(m.plan, "h:"+r.worker)
		} else {
			m.plan["d:"+r.worker] = strconv.FormatInt(now, 10) + " " + string(encodeDemands(r.demands))
			m.plan["h:"+r.worker] = own
		}
	}
	a.workers = maps.Clone(m.workers)
	if r.force || len(r.demands) > 0 && (m.reach < now+r.reach || m.reach > now+3*second || r.fresh && m.next < now+r.reach) {
		a.plan, a.day = maps.Clone(m.plan), maps.Clone(m.day)
	}
	return a, nil
}

func (m *memory) commit(ctx context.Context, c change) (*answer, error) {
	if err := m.trip(ctx); err != nil {
		return nil, err
	}
	a, err := m.commitNow(c)
	if err != nil {
		return nil, err
	}
	return a, m.trip(ctx)
}

func (m *memory) commitNow(c change) (*answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.down {
		return nil, errDown
	}
	a := &answer{now: m.clock()}
	if c.version == strconv.Itoa(m.version) {
		a.won = true
		m.version++
		m.none, m.head, m.next, m.reach = false, c.head, c.schedule.Next, c.schedule.Reach
		m.plan["schedule"] = string(c.schedule.encode(c.head.Seen))
		if c.count > 0 {
			m.day[c.bucket] += c.count
		}
		for _, b := range c.past {
			delete(m.day, b)
		}
		for _, w := range sorted(c.slots) {
			m.plan["p:"+w] += string(encodeSlots(c.slots[w], c.bucket))
		}
	}
	if c.worker != "" {
		own := m.plan["p:"+c.worker]
		delete(m.plan, "p:"+c.worker)
		m.plan["h:"+c.worker] += own
		var err error
		if a.slots, err = decodeSlots(c.worker, own); err != nil {
			return nil, err
		}
	}
	a.head, a.none, a.next, a.reach = m.head, m.none, m.next, m.reach
	return a, nil
}

func (m *memory) refund(_ context.Context, bucket int64, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.day[bucket] -= n
	return nil
}

func (m *memory) forget(_ context.Context, workers ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range workers {
		delete(m.workers, w)
		delete(m.plan, "d:"+w)
		delete(m.plan, "h:"+w)
		delete(m.plan, "p:"+w)
	}
	return nil
}
