package ratelimit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// began is when the tests' clock of Redis begins.
const began = int64(1_700_000_000_000_000)

// An arrival is n messages that went out at a time, in microseconds from the
// beginning.
type arrival struct {
	us float64
	n  int
}

// busiest is the most messages in any window of one second.
func busiest(events []arrival) int { return busiestIn(events, 1e6) }

// busiestIn is the most messages in any window of so many microseconds.
func busiestIn(events []arrival, length float64) int {
	slices.SortFunc(events, func(a, b arrival) int { return cmp.Compare(a.us, b.us) })
	most, sum, from := 0, 0, 0
	for to := range events {
		sum += events[to].n
		for events[to].us-events[from].us >= length-1 {
			sum -= events[from].n
			from++
		}
		most = max(most, sum)
	}
	return most
}

// A sharer is a campaign as some workers send it.
type sharer struct {
	id        string
	weight    int
	perSecond float64
	workers   []int
	from      time.Duration
	before    int // messages that it had sent alone
	rows      int // 0: without end
	whole     int // messages of a submission; 0: one
}

// A crowd is workers that share a sender, as they are, but for Redis and the clock.
type crowd struct {
	limits  Limits
	away    time.Duration
	sharers []sharer
	batches int                             // at once, of a campaign on a worker
	killed  map[int]time.Duration           // workers, and when
	steps   map[time.Duration]time.Duration // of Redis' clock

	mem  *memory
	mu   sync.Mutex
	all  []arrival
	each map[string][]arrival
}

// A cable is a worker's way to Redis, until it is cut.
type cable struct {
	*memory
	cut atomic.Bool
}

func (c *cable) beat(ctx context.Context, r report) (*answer, error) {
	if c.cut.Load() {
		return nil, errDown
	}
	return c.memory.beat(ctx, r)
}

func (c *cable) commit(ctx context.Context, ch change) (*answer, error) {
	if c.cut.Load() {
		return nil, errDown
	}
	return c.memory.commit(ctx, ch)
}

func (c *cable) forget(ctx context.Context, workers ...string) error {
	if c.cut.Load() {
		return errDown
	}
	return c.memory.forget(ctx, workers...)
}

// run lets the crowd work for so long, in a time of its own.
func (c *crowd) run(t *testing.T, length time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { c.inside(t, length) })
}

func (c *crowd) inside(t *testing.T, length time.Duration) {
	t.Helper()
	zero := time.Now()
	var step atomic.Int64
	for at, by := range c.steps {
		time.AfterFunc(at, func() { step.Add(by.Microseconds()) })
	}
	c.mem = newMemory(func() int64 { return began + time.Since(zero).Microseconds() + step.Load() })
	c.mem.away = c.away
	before := newSchedule()
	c.all, c.each = nil, map[string][]arrival{}
	ctx, cancel := context.WithCancel(t.Context())
	last := 0
	left := map[string]*int{}
	for _, s := range c.sharers {
		for _, w := range s.workers {
			last = max(last, w)
		}
		n := s.rows
		left[s.id] = &n
		before.tags[keyOf(s.id)] = tag{Finish: float64(s.before) / float64(s.weight)}
	}
	c.mem.plan["schedule"] = string(before.encode(began))
	var work sync.WaitGroup
	var senders []*Sender
	var lives []context.Context
	for w := range last + 1 {
		st := &cable{memory: c.mem}
		s := newSender(New(nil, Options{Worker: fmt.Sprintf("w%02d", w), Log: zerolog.Nop()}), "s", c.limits, st)
		s.running.Go(s.run)
		senders = append(senders, s)
		alive, kill := context.WithCancel(ctx)
		defer kill()
		lives = append(lives, alive)
		if at, ok := c.killed[w]; ok {
			time.AfterFunc(at, func() { st.cut.Store(true); kill() })
		}
	}
	for _, sh := range c.sharers {
		for _, w := range sh.workers {
			for b := range max(1, c.batches) {
				work.Go(func() { c.batch(lives[w], zero, senders[w], sh, left[sh.id], b) })
			}
		}
	}
	time.Sleep(length)
	cancel()
	work.Wait()
	for _, s := range senders {
		s.Close()
	}
}

// batch takes and sends like a batch does, with the intent of the next chunk
// written while the chunk before goes out, and the outcomes between intents: one
// thing is written at a time.
func (c *crowd) batch(ctx context.Context, zero time.Time, s *Sender, sh sharer, left *int, b int) {
	if until(ctx, zero.Add(sh.from)) != nil {
		return
	}
	chunks := make(chan *Grant)
	journal := make(chan struct{}, 1) // whoever writes to it
	write := func() bool {
		journal <- struct{}{}
		defer func() { <-journal }()
		return until(ctx, time.Now().Add(c.away)) == nil
	}
	var sending sync.WaitGroup
	if c.away > 0 {
		settled, stop := context.WithCancel(ctx)
		defer stop()
		sending.Go(func() {
			for until(settled, time.Now().Add(20*time.Millisecond)) == nil && write() {
			}
		})
	}
	sending.Go(func() {
		for g := range chunks {
			for i := 0; i < g.N; i++ {
				if g.Wait(ctx, i) != nil {
					c.mu.Lock()
					*left++
					c.mu.Unlock()
					continue
				}
				n := 1
				if sh.whole > 0 {
					n = g.N
				}
				c.mu.Lock()
				a := arrival{float64(time.Since(zero).Nanoseconds()) / 1000, n}
				c.all = append(c.all, a)
				c.each[sh.id] = append(c.each[sh.id], a)
				c.mu.Unlock()
				if sh.whole > 0 {
					break
				}
			}
		}
	})
	defer sending.Wait()
	defer close(chunks)
	since := zero.Add(time.Duration(b))
	for ctx.Err() == nil {
		c.mu.Lock()
		rest := 1000
		if sh.rows > 0 {
			rest = min(rest, *left)
			*left -= rest
		}
		c.mu.Unlock()
		if rest == 0 {
			return
		}
		for rest > 0 {
			ask := Ask{Campaign: sh.id, Weight: sh.weight, PerSecond: sh.perSecond, Want: rest, Since: since}
			if sh.whole > 0 {
				ask.Want, ask.More, ask.Whole = min(rest, sh.whole), rest-min(rest, sh.whole), true
			}
			g, err := s.Take(ctx, ask)
			if err != nil {
				return
			}
			if !write() {
				return
			}
			g.Begun()
			rest -= g.N
			chunks <- g
		}
		since = since.Add(time.Millisecond)
	}
}

// between is how many messages of a campaign went out in a stretch of time.
func (c *crowd) between(id string, from, to float64) (n int) {
	for _, e := range c.each[id] {
		if e.us >= from && e.us < to {
			n += e.n
		}
	}
	return n
}
