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

// For any interleaving of workers, campaigns, whole submissions, pauses and
// changes of the limit, no window of one second on Redis' clock contains slots
// for more than the limit.
func TestSlotsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, rdb redis.UniversalClient) {
		limit := rapid.SampledFrom([]float64{0, 0.5, 1, 3, 20, 80, 500, 2000}).Draw(t, "limit")
		campaigns := rapid.IntRange(1, 4).Draw(t, "campaigns")
		own := make([]float64, campaigns)
		for c := range own {
			own[c] = rapid.SampledFrom([]float64{0, 0, 1, 10, 100, 400}).Draw(t, "per second")
		}
		now := began
		var r record
		for range rapid.IntRange(5, 40).Draw(t, "asks") {
			now += int64(rapid.IntRange(100, 700_000).Draw(t, "pause"))
			req := request{
				Worker: fmt.Sprint("w", rapid.IntRange(1, 4).Draw(t, "worker")), MPS: limit,
				Lead: int64(rapid.SampledFrom([]int{1000, 25_000, 400_000}).Draw(t, "lead")),
			}
			for c := range campaigns {
				if rapid.Bool().Draw(t, "asks") {
					req.Asks = append(req.Asks, scriptA{
						ID: fmt.Sprint("c", c), Weight: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "weight"),
						Want:      rapid.IntRange(1, 1000).Draw(t, "want"),
						Whole:     rapid.IntRange(0, 3).Draw(t, "whole") == 0,
						PerSecond: own[c],
					})
				}
			}
			r.add(now, ask(t, rdb, now, req))
		}
		// Where stretches of several meet, each may hold one that is only just in time;
		// slow ones that others follow end a little late.
		part := 0.01
		if slices.Max(own) > limit/2 {
			part = 0.03
		}
		r.within(t, "the sender", r.all, limit, part)
		for c, limit := range own {
			id := fmt.Sprint("c", c)
			r.within(t, id, r.each[id], limit, 0.03)
		}
	})
}

// A campaign with a limit of its own that asks once leaves the others no more than
// what it does not use.
func TestSlotsBesideACampaignThatEnds(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, rdb redis.UniversalClient) {
		limit := rapid.SampledFrom([]float64{20, 80, 500, 2000}).Draw(t, "limit")
		now := began
		var r record
		for i := range 20 {
			req := request{MPS: limit, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1000}}}
			if rapid.IntRange(0, 6).Draw(t, "own") == 0 {
				own := limit * rapid.SampledFrom([]float64{0.1, 0.2, 0.3, 0.5, 0.9}).Draw(t, "part")
				req.Asks = []scriptA{{ID: fmt.Sprint("own", i), Weight: 2, Want: rapid.IntRange(1, 1000).Draw(t, "want"), PerSecond: own}}
			}
			a := ask(t, rdb, now, req)
			r.add(now, a)
			now += int64(max(a.Wait, 1000))
		}
		r.within(t, "the sender", r.all, limit, 0.03)
	})
}

// A campaign's own limit holds also where it asks for one message at a time.
func TestOwnLimitMessageByMessage(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	for _, limit := range []float64{0, 80, 500} {
		rdb.FlushAll(t.Context())
		var r record
		for now := began; now < began+5_000_000; now += 10_000 {
			r.add(now, ask(t, rdb, now, request{MPS: limit, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1, PerSecond: 10}}}))
		}
		r.within(t, "the campaign", r.all, 10, 0)
		if len(r.all) < 40 {
			t.Errorf("limit %v: %d messages in five seconds at 10 a second", limit, len(r.all))
		}
	}
}

// After a limit was lowered, slots granted by the old one included, no later
// window holds more than the old limit, and soon none more than the new one.
func TestLoweredLimitHolds(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, rdb redis.UniversalClient) {
		now := began
		req := request{MPS: 500, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1000}}}
		for range rapid.IntRange(1, 10).Draw(t, "before") {
			now += int64(rapid.IntRange(1000, 300_000).Draw(t, "pause"))
			ask(t, rdb, now, req)
		}
		lowered := now - began
		req.Stamp, req.MPS = 2, 50
		var r record
		for range 40 {
			now += int64(rapid.IntRange(1000, 300_000).Draw(t, "pause"))
			r.add(now, ask(t, rdb, now, req))
			// A worker with the old file does not bring the old limit back.
			old := req
			old.Stamp, old.MPS, old.Worker = 1, 500, "old"
			now += 1000
			r.add(now, ask(t, rdb, now, old))
		}
		soon := slices.DeleteFunc(r.all, func(e event) bool { return e.us < float64(lowered)+3e6 })
		r.within(t, "the sender", soon, 50, 0.02)
	})
}

// The newest settings hold for all workers, and a worker with others is told.
func TestNewestSettingsHold(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	for _, tt := range []struct {
		req        request
		mps        float64
		flight     int
		conflicted bool
	}{
		{request{Worker: "a", Stamp: 2, MPS: 50, Flight: 8}, 50, 8, false},
		{request{Worker: "b", Stamp: 1, MPS: 100, Flight: 8}, 50, 8, true},
		{request{Worker: "b", Stamp: 1, MPS: 50, Flight: 64}, 50, 8, true},
		{request{Worker: "b", Stamp: 2, MPS: 100, Flight: 8}, 50, 8, true},
		{request{Worker: "b", Stamp: 1, MPS: 50, Flight: 8}, 50, 8, false},
		{request{Worker: "c", Stamp: 3, MPS: 50, Flight: 16}, 50, 16, false},
	} {
		a := ask(t, rdb, began, tt.req)
		if a.MPS != tt.mps || a.Flight != tt.flight || a.Conflict != tt.conflicted {
			t.Errorf("%+v: %v a second, %d in flight, conflict %v", tt.req, a.MPS, a.Flight, a.Conflict)
		}
	}
}

// While there is work, slots follow each other without a gap: the limit is used. No
// worker asks again and again for what is not to be had yet.
func TestSlotsUseTheLimit(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	for _, tt := range []struct {
		limit float64
		whole bool
		burst float64
	}{{1, false, 1}, {20, false, 1}, {80, false, 1}, {2000, false, 1}, {80, true, 1}, {500, true, 1}, {3500, true, 1}, {500, true, 0.25}, {80, true, 0.1}} {
		rdb.FlushAll(t.Context())
		now := began
		var r record
		asked := 0
		for now < began+30_000_000 {
			asked++
			a := ask(t, rdb, now, request{MPS: tt.limit, Burst: tt.burst, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1000, Whole: tt.whole}}})
			r.add(now, a)
			now += int64(max(a.Wait, 10_000))
		}
		first, last, n := math.Inf(1), 0.0, 0
		for _, e := range r.all {
			first, last, n = min(first, e.us), max(last, e.us), n+e.n
		}
		if share := float64(n) / ((last-first)/1e6 + 1/tt.limit) / tt.limit; share < 0.97 {
			t.Errorf("%+v: %.1f %% of it used", tt, share*100)
		}
		if asked > 30*40 {
			t.Errorf("%+v: %d questions in 30 s", tt, asked)
		}
	}
}

// The count of 24 hours is never exceeded, and what was not accepted comes back.
func TestDayIsKept(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, rdb redis.UniversalClient) {
		const day = 1000
		now := began
		var r record
		for range rapid.IntRange(20, 80).Draw(t, "asks") {
			now += int64(rapid.IntRange(1, 3600).Draw(t, "pause")) * 1_000_000
			a := ask(t, rdb, now, request{MPS: 500, Day: day, Asks: []scriptA{{ID: "c", Weight: 2, Want: 300}}})
			r.add(now, a)
			for i := range r.all {
				sum := 0
				for _, e := range r.all[i:] {
					if e.us < r.all[i].us+86400e6 {
						sum += e.n
					}
				}
				if sum > day {
					t.Fatalf("%d messages in 24 hours, %d are allowed", sum, day)
				}
			}
			if a.Why == "day" && a.Wait <= 0 {
				t.Fatal("no time to come back at")
			}
		}
	})
}
