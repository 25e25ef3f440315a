package ratelimit

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Wherever a campaign's batches lie, it gets its weight's share in any five
// seconds, the limit is used, and one that comes later begins within a second.
func TestSharesByWeight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := crowd{limits: Limits{MessagesPerSecond: rapid.SampledFrom([]float64{80, 500, 2000}).Draw(rt, "limit")}, batches: 2}
		limit := c.limits.MessagesPerSecond
		workers := rapid.SampledFrom([]int{1, 2, 3, 5, 8, 20}).Draw(rt, "workers")
		weights := 0.0
		for i := range rapid.IntRange(2, 5).Draw(rt, "campaigns") {
			s := sharer{id: fmt.Sprint("c", i), weight: rapid.SampledFrom([]int{1, 2, 4}).Draw(rt, "weight")}
			for w := range workers {
				if rapid.Bool().Draw(rt, "is there") {
					s.workers = append(s.workers, w)
				}
			}
			if len(s.workers) == 0 {
				s.workers = []int{rapid.IntRange(0, workers-1).Draw(rt, "on")}
			}
			if i == 0 {
				s.from = time.Second
			}
			weights += float64(s.weight)
			c.sharers = append(c.sharers, s)
		}
		c.run(t, 8*time.Second)
		sum := 0
		for _, s := range c.sharers {
			n := c.between(s.id, 2.5e6, 7.5e6)
			sum += n
			want := limit * 5 * float64(s.weight) / weights
			// One message, and a turn where there are many.
			if off := math.Abs(float64(n) - want); off > max(want*0.05, 1.5, limit*0.02) {
				rt.Errorf("%s got %d, and not %.0f", s.id, n, want)
			}
		}
		if used := float64(sum) / limit / 5; used < 0.99 {
			rt.Errorf("%.1f %% of the limit used", used*100)
		}
		if first := c.each["c0"][0].us; first > 1.8e6 {
			rt.Errorf("the late campaign began after %.0f ms", first/1000-1000)
		}
		if asks := float64(c.mem.asked) / float64(len(c.all)); limit >= 500 && workers < 10 && asks > 0.06 {
			rt.Errorf("%.3f questions a message", asks)
		}
		if most := float64(busiest(c.all)); most > limit*1.005+1 {
			rt.Errorf("%.0f messages in one second", most)
		}
	})
}

// A campaign of great weight on one worker is not held back by what that worker told
// before its next batch came: two batches at 1,600 a second end one every 0.6 s.
func TestNextBatchIsToldOf(t *testing.T) {
	t.Parallel()
	for _, batches := range []int{2, 3} {
		c := crowd{limits: Limits{MessagesPerSecond: 2000}, batches: batches, sharers: []sharer{
			{id: "great", weight: 4, workers: []int{4}, from: time.Second}, {id: "small", weight: 1, workers: []int{0, 3}},
		}}
		c.run(t, 8*time.Second)
		if n := c.between("great", 2.5e6, 7.5e6); n < 7900 {
			t.Errorf("%d batches: it got %d, and not 8000", batches, n)
		}
	}
}

// What a campaign leaves over the others have at once: one that ended, and one
// whose own limit is below its share.
func TestWhatOneLeavesOthersUse(t *testing.T) {
	t.Parallel()
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
			c := crowd{limits: Limits{MessagesPerSecond: 500}, batches: 2}
			tt.other.id, tt.other.weight, tt.other.workers = "other", 2, workers
			c.sharers = []sharer{{id: "big", weight: 2, workers: []int{0, 3}}, tt.other}
			c.run(t, 10*time.Second)
			big, other := float64(c.between("big", 0, 10e6)), float64(c.between("other", 0, 10e6))
			if used := (big + other) / 5000; used < 0.98 || other < tt.want*0.9 || other > tt.most {
				t.Errorf("%s, on %v: big %.0f, the other %.0f; %.1f %% of the limit used", name, workers, big, other, used*100)
			}
			if gap := longestGap(c.all, 10e6); gap > 60_000 {
				t.Errorf("%s, on %v: nothing went out for %.0f ms", name, workers, gap/1000)
			}
		}
	}
}

// A newcomer gets its first slot before those who are level with it.
func TestNewcomerBeginsSoon(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit float64
		most  time.Duration
	}{{500, 800 * time.Millisecond}, {20, 800 * time.Millisecond}, {2, 800 * time.Millisecond}, {1, 1200 * time.Millisecond}} {
		for _, from := range []int{1000, 1100, 1250, 1330, 1490} {
			c := crowd{limits: Limits{MessagesPerSecond: tt.limit}, sharers: []sharer{
				{id: "newcomer", weight: 2, workers: []int{4}, from: time.Duration(from) * time.Millisecond}, {id: "big", weight: 4, workers: []int{0, 1, 2, 4}},
			}}
			c.run(t, 4*time.Second)
			first := time.Duration(c.each["newcomer"][0].us)*time.Microsecond - c.sharers[0].from
			if first > tt.most {
				t.Errorf("%v a second: it began after %s", tt.limit, first)
			}
		}
	}
}

// A thousand campaigns of one sender use its limit, and each gets its share of ten
// seconds, to a message.
func TestThousandCampaigns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit, own float64
		workers    int
		want       float64
	}{
		"one worker":    {1000, 0, 1, 1},
		"three workers": {1000, 0, 3, 1},
		"own limits":    {2000, 3, 1, 2}, // and not 3: the sender's is less
	} {
		c := crowd{limits: Limits{MessagesPerSecond: tt.limit}}
		for i := range 1000 {
			s := sharer{id: fmt.Sprint("c", i), weight: 2, perSecond: tt.own}
			for w := range tt.workers {
				s.workers = append(s.workers, w)
			}
			c.sharers = append(c.sharers, s)
		}
		c.run(t, 12*time.Second)
		sum := 0
		for _, s := range c.sharers {
			n := c.between(s.id, 1.5e6, 11.5e6)
			sum += n
			if off := math.Abs(float64(n) - 10*tt.want); off > 1 {
				t.Errorf("%s: %s got %d in ten seconds, and not %.0f", name, s.id, n, 10*tt.want)
			}
		}
		if used := float64(sum) / tt.limit / 10; used < 0.99 {
			t.Errorf("%s: %.1f %% of the limit used", name, used*100)
		}
		if most := float64(busiest(c.all)); most > tt.limit*1.005 {
			t.Errorf("%s: %.0f messages in one second", name, most)
		}
	}
}

// With Redis far away the limit is used all the same.
func TestRedisFarAway(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
		for _, tt := range []struct {
			limit   float64
			batches int // on each worker
			workers []int
		}{{80, 4, []int{0, 1}}, {80, 1, []int{0}}, {1000, 4, []int{0, 1}}} {
			c := crowd{limits: Limits{MessagesPerSecond: tt.limit}, away: away, batches: tt.batches, sharers: []sharer{{id: "c", weight: 2, workers: tt.workers}}}
			c.run(t, 10*time.Second)
			if used := float64(c.between("c", 1e6, 9e6)) / 8 / tt.limit; used < 0.99 {
				t.Errorf("%s away, %+v: %.1f %% of it used", away, tt, used*100)
			}
			if most := float64(busiest(c.all)); most > max(tt.limit*1.02, tt.limit+1) {
				t.Errorf("%s away, %+v: %.0f messages in one second", away, tt, most)
			}
		}
	}
}

// What a worker that is killed had is lost, and no more.
func TestKilledWorkerCostsLittle(t *testing.T) {
	t.Parallel()
	c := crowd{limits: Limits{MessagesPerSecond: 500}, batches: 4, killed: map[int]time.Duration{0: 3300 * time.Millisecond}, sharers: []sharer{{id: "c", weight: 2, workers: []int{0, 1, 2}}}}
	c.run(t, 12*time.Second)
	if used := float64(c.between("c", 1e6, 11e6)) / 10 / 500; used < 0.97 {
		t.Errorf("%.1f %% of the limit used in the ten seconds of the kill", used*100)
	}
}

// Any crowd keeps the pace: workers of any number, campaigns with any weights, own
// limits and submissions of many messages, workers that are killed, Redis anywhere,
// and its clock set forth and back.
func TestAnyCrowdKeepsThePace(t *testing.T) {
	t.Parallel()
	for part := range draws / 100 {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { anyCrowd(t, rt) })
		})
	}
}

// draws is how often a crowd is drawn; -rapid.checks is for a hundred of them.
const draws = 500

func anyCrowd(t *testing.T, rt *rapid.T) {
	t.Helper()
	limit := rapid.SampledFrom([]float64{0.5, 1, 3, 20, 80, 500}).Draw(rt, "limit")
	workers := rapid.IntRange(1, 6).Draw(rt, "workers")
	c := crowd{
		limits:  Limits{MessagesPerSecond: limit, MaxBurst: rapid.SampledFrom([]time.Duration{0, 250 * time.Millisecond}).Draw(rt, "burst")},
		batches: rapid.IntRange(1, 3).Draw(rt, "batches"),
		away:    time.Duration(rapid.SampledFrom([]int{0, 0, 1, 5, 20}).Draw(rt, "away")) * time.Millisecond,
		killed:  map[int]time.Duration{}, steps: map[time.Duration]time.Duration{},
	}
	for i := range rapid.IntRange(1, 6).Draw(rt, "campaigns") {
		s := sharer{
			id: fmt.Sprint("c", i), weight: rapid.SampledFrom([]int{1, 2, 4}).Draw(rt, "weight"),
			perSecond: rapid.SampledFrom([]float64{0, 0, 1, 10, 100, 400}).Draw(rt, "own"),
			from:      time.Duration(rapid.IntRange(0, 2000).Draw(rt, "from")) * time.Millisecond,
			rows:      rapid.SampledFrom([]int{0, 0, 1, 50, 700}).Draw(rt, "rows"),
			whole:     rapid.SampledFrom([]int{0, 0, 0, 7, 100}).Draw(rt, "whole"),
		}
		for w := range workers {
			if w == i%workers || rapid.Bool().Draw(rt, "is there") {
				s.workers = append(s.workers, w)
			}
		}
		c.sharers = append(c.sharers, s)
	}
	for w := range workers {
		if rapid.IntRange(0, 4).Draw(rt, "killed") == 0 {
			c.killed[w] = time.Duration(rapid.IntRange(100, 3500).Draw(rt, "at")) * time.Millisecond
		}
	}
	if rapid.IntRange(0, 3).Draw(rt, "clock") == 0 {
		at := time.Duration(rapid.IntRange(500, 2500).Draw(rt, "set at")) * time.Millisecond
		c.steps[at] = rapid.SampledFrom([]time.Duration{time.Hour, 20 * time.Second, -20 * time.Second, -time.Hour}).Draw(rt, "set by")
	}
	c.run(t, 4*time.Second)
	// A message may be late by the tolerance.
	if got := float64(busiest(c.all)); got > math.Floor(limit*1.015)+1 {
		rt.Fatalf("%v messages in one second, the limit is %v:\n%v", got, limit, c.all)
	}
	for _, s := range c.sharers {
		most := math.Floor(s.perSecond*1.015+1) + 1
		if got := float64(busiest(c.each[s.id])); s.perSecond > 0 && got > most {
			rt.Fatalf("%v messages of %s in one second, its own limit is %v: %v", got, s.id, s.perSecond, c.each[s.id])
		}
	}
	if limit < 20 && len(c.killed) > 0 || len(c.killed) == workers || slices.ContainsFunc(c.sharers, func(s sharer) bool { return s.whole > 0 || s.perSecond > 0 || s.rows > 0 }) {
		return
	}
	// Who is alive uses it, from what the last kill cost on.
	from := time.Duration(0)
	for _, at := range slices.SortedFunc(maps.Values(c.killed), cmp.Compare) {
		from = at
	}
	for at := range c.steps {
		// Half a second until somebody asks, what was handed out goes out, and then a
		// second passes.
		from = max(from, at+1100*time.Millisecond)
	}
	first := c.sharers[0].from
	for _, s := range c.sharers {
		first = min(first, s.from)
	}
	from = max(from+1600*time.Millisecond, first+500*time.Millisecond+time.Duration(float64(time.Second)/limit))
	alive := func(s sharer) bool {
		return slices.ContainsFunc(s.workers, func(w int) bool { _, dead := c.killed[w]; return !dead }) && s.from < first+time.Millisecond
	}
	if from > 3*time.Second || !slices.ContainsFunc(c.sharers, alive) {
		return
	}
	sum := 0
	for _, s := range c.sharers {
		sum += c.between(s.id, float64(from.Microseconds()), 4e6)
	}
	if want := limit*(4*time.Second-from).Seconds()*0.97 - 1; float64(sum) < want {
		rt.Fatalf("%d messages from %s on, the limit is %v", sum, from, limit)
	}
}
