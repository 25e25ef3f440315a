package ratelimit

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/redistest"
)

// A sharer is a campaign as some workers send it.
type sharer struct {
	id        string
	weight    int
	perSecond float64
	workers   []int
	from      int64 // us from the beginning
	before    int   // messages that it had sent alone
	rows      int   // 0: without end
}

// A crowd is workers that ask the script for slots as this package does: for the
// campaigns whose slots end within 100 ms, not before the time they were told.
type crowd struct {
	rdb     redis.UniversalClient
	limit   float64
	sharers []sharer
	asked   int
	whys    map[string]int
	granted record
}

func (c *crowd) run(t tester, until int64) {
	c.rdb.FlushAll(t.Context())
	c.granted = record{}
	c.whys = map[string]int{}
	left := map[string]int{}
	ends, later := map[string]int64{}, map[string]int64{} // of a campaign on a worker
	workers := map[int][]sharer{}
	last := 0
	own := map[string]bool{}
	for _, s := range c.sharers {
		own[s.id] = s.perSecond > 0
		if s.before > 0 {
			c.rdb.HSet(t.Context(), sharesKey("s"), s.id, fmt.Sprintf("%d %d 0 %d", s.before, began-10_000_000, s.weight))
		}
		left[s.id] = s.rows
		for _, w := range s.workers {
			workers[w] = append(workers[w], s)
			last = max(last, w)
		}
	}
	for at := int64(0); at < until; at += 5000 {
		for w := range last + 1 {
			req := request{Worker: fmt.Sprint("w", w), MPS: c.limit, Lead: 25_000}
			reason := false
			for _, s := range workers[w] {
				key := fmt.Sprint(w, s.id)
				if at >= s.from && at >= ends[key] && (s.rows == 0 || left[s.id] > 0) {
					reason = reason || at >= later[key]
					want := 1000
					if s.rows > 0 {
						want = min(want, left[s.id])
					}
					req.Asks = append(req.Asks, scriptA{ID: s.id, Weight: s.weight, PerSecond: s.perSecond, Want: want})
				}
			}
			if !reason {
				continue
			}
			a := ask(t, c.rdb, began+at, req)
			c.granted.add(began+at, a)
			c.asked++
			c.whys[a.Why]++
			for _, s := range workers[w] {
				key := fmt.Sprint(w, s.id)
				asks := slices.ContainsFunc(req.Asks, func(a scriptA) bool { return a.ID == s.id })
				if a.Wait > 0 && (asks || a.Why == "horizon" && ends[key] > 0) {
					later[key] = at + int64(a.Wait)
				}
			}
			for _, s := range a.Slots {
				left[s.ID] -= s.N
				key := fmt.Sprint(w, s.ID)
				delete(later, key)
				early := int64(100_000)
				if own[s.ID] {
					early += farAhead.Microseconds()
				}
				ends[key] = max(ends[key], at+int64(s.Start+float64(s.N)*s.Step)-early)
			}
		}
	}
}

// between is how many messages a campaign got slots for in a stretch of time.
func (c *crowd) between(id string, from, to float64) (n int) {
	for _, e := range c.granted.each[id] {
		if e.us >= from && e.us < to {
			n += e.n
		}
	}
	return n
}

// Wherever a campaign's batches lie, it gets its weight's share in any five
// seconds, the limit is used, and one that comes later begins within a second.
func TestSharesByWeight(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, rdb redis.UniversalClient) {
		c := crowd{rdb: rdb, limit: rapid.SampledFrom([]float64{80, 500, 2000, 10_000}).Draw(t, "limit")}
		workers := rapid.SampledFrom([]int{1, 2, 3, 5, 8, 20}).Draw(t, "workers")
		weights := 0.0
		for i := range rapid.IntRange(2, 5).Draw(t, "campaigns") {
			s := sharer{id: fmt.Sprint("c", i), weight: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "weight")}
			for w := range workers {
				if rapid.Bool().Draw(t, "is there") {
					s.workers = append(s.workers, w)
				}
			}
			if len(s.workers) == 0 {
				s.workers = []int{rapid.IntRange(0, workers-1).Draw(t, "on")}
			}
			if i == 0 {
				s.from = 1_000_000
			}
			weights += float64(s.weight)
			c.sharers = append(c.sharers, s)
		}
		c.run(t, 8_000_000)
		sum := 0
		for _, s := range c.sharers {
			n := c.between(s.id, 2.5e6, 7.5e6)
			sum += n
			want := c.limit * 5 * float64(s.weight) / weights
			// A question is for fifty messages or more, which matter where there are few.
			if off := math.Abs(float64(n) - want); off > max(want*0.1, min(75, c.limit*0.3)) {
				t.Errorf("%s got %d, and not %.0f", s.id, n, want)
			}
		}
		if used := float64(sum) / c.limit / 5; used < 0.99 {
			t.Errorf("%.1f %% of the limit used", used*100)
		}
		if first := c.granted.each["c0"][0].us; first > 2e6 {
			t.Errorf("the late campaign began after %.0f ms", first/1000-1000)
		}
		if asks := float64(c.asked) / float64(len(c.granted.all)); c.limit >= 500 && workers < 10 && asks > 0.07 {
			t.Errorf("%.3f questions a message, %v", asks, c.whys)
		}
	})
}

// What a campaign leaves over the others have at once: one that ended, and one
// whose own limit is below its share.
func TestWhatOneLeavesOthersUse(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	for name, tt := range map[string]struct {
		other sharer
		want  float64 // of the other in the ten seconds, roughly
		most  float64
	}{
		"it ended":         {sharer{rows: 1000}, 1000, 1001},
		"its own limit":    {sharer{perSecond: 10}, 100, 101},
		"a greater one":    {sharer{perSecond: 100}, 1000, 1001},
		"long before":      {sharer{perSecond: 10, before: 1e6}, 80, 101},
		"more than enough": {sharer{perSecond: 400}, 1600, 2500},
	} {
		for _, workers := range [][]int{{0}, {1}, {1, 2}} {
			c := crowd{rdb: rdb, limit: 500}
			tt.other.id, tt.other.weight, tt.other.workers = "other", 2, workers
			c.sharers = []sharer{{id: "big", weight: 2, workers: []int{0, 3}}, tt.other}
			c.run(t, 10_000_000)
			big, other := float64(c.between("big", 0, 10e6)), float64(c.between("other", 0, 10e6))
			if used := (big + other) / 5000; used < 0.98 || other < tt.want*0.9 || other > tt.most {
				t.Errorf("%s, on %v: big %.0f, the other %.0f; %.1f %% of the limit used", name, workers, big, other, used*100)
			}
			if gap := longestGap(c.granted.all, 10e6); gap > 60_000 {
				t.Errorf("%s, on %v: nothing went out for %.0f ms", name, workers, gap/1000)
			}
		}
	}
}

// A newcomer gets its first slot before those who are level with it.
func TestNewcomerBeginsSoon(t *testing.T) {
	t.Parallel()
	c := crowd{rdb: redistest.New(t).Client(t), limit: 500, sharers: []sharer{
		{id: "newcomer", weight: 2, workers: []int{4}, from: 1_000_000}, {id: "big", weight: 4, workers: []int{0, 1, 2, 4}},
	}}
	c.run(t, 3_000_000)
	if first := c.granted.each["newcomer"][0].us; first > 1.85e6 {
		t.Errorf("it began after %.0f ms", first/1000-1000)
	}
}
