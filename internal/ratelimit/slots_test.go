package ratelimit

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// For any interleaving of workers, campaigns, whole submissions and pauses, no
// window of one second on Redis' clock contains slots for more than the limit.
func TestSlotsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, d *desk) {
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
					req.Asks = append(req.Asks, wanted{
						ID: fmt.Sprint("c", c), Weight: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "weight"),
						Want:      rapid.IntRange(1, 1000).Draw(t, "want"),
						Whole:     rapid.IntRange(0, 3).Draw(t, "whole") == 0,
						PerSecond: own[c],
					})
				}
			}
			r.add(d, ask(t, d, now, req))
		}
		part := 0.005
		if slices.ContainsFunc(own, func(own float64) bool { return own > limit/2 && own < limit }) {
			part = 0.03 // its stretches are slow, and end a little late when others follow
		}
		r.within(t, "the sender", r.all, limit, part)
		for c, limit := range own {
			id := fmt.Sprint("c", c)
			r.within(t, id, r.each[id], limit, 0.03)
		}
	})
}

// A campaign with a limit of its own that asks once, or a burst, leaves the others no
// more than what it does not use.
func TestSlotsBesideACampaignThatEnds(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, d *desk) {
		limit := rapid.SampledFrom([]float64{20, 80, 500, 2000}).Draw(t, "limit")
		now := began
		var r record
		for i := range 20 {
			req := request{MPS: limit, Asks: []wanted{{ID: "c", Weight: 2, Want: 1000}}}
			switch rapid.IntRange(0, 6).Draw(t, "own") {
			case 1:
				req.Asks[0].ID, req.Asks[0].Whole, req.Asks[0].Want = "burst", true, rapid.IntRange(1, int(limit)).Draw(t, "burst")
			case 0:
				own := limit * rapid.SampledFrom([]float64{0.1, 0.2, 0.3, 0.5, 0.9}).Draw(t, "part")
				req.Asks = []wanted{{ID: fmt.Sprint("own", i), Weight: 2, Want: rapid.IntRange(1, 1000).Draw(t, "want"), PerSecond: own}}
			}
			a := ask(t, d, now, req)
			r.add(d, a)
			now += int64(max(a.Wait, 1000))
		}
		r.within(t, "the sender", r.all, limit, 0.03)
	})
}

// A campaign's own limit holds also where it asks for one message at a time.
func TestOwnLimitMessageByMessage(t *testing.T) {
	t.Parallel()
	for _, limit := range []float64{0, 500, 2000} {
		d := newDesk()
		var r record
		asked := 0
		for now := began; now < began+5_000_000; asked++ {
			a := ask(t, d, now, request{MPS: limit, Asks: []wanted{{ID: "c", Weight: 2, Want: 1, PerSecond: 10}}})
			r.add(d, a)
			now += int64(max(a.Wait, 1000))
		}
		r.within(t, "the campaign", r.all, 10, 0)
		if len(r.all) < 40 || asked > 5*len(r.all)/2 {
			t.Errorf("limit %v: %d messages in five seconds at 10 a second, %d questions", limit, len(r.all), asked)
		}
	}
}

// After a limit was lowered, or the provider throttled, the slots granted before
// included, soon no window holds more than the new one; and work goes on.
func TestLoweredLimitHolds(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, d *desk) {
		now := began
		req := request{MPS: 500, Asks: []wanted{{ID: "c", Weight: 2, Want: 1000}}}
		if own := rapid.SampledFrom([]float64{0, 50, 250}).Draw(t, "own"); own > 0 {
			req.Asks = append(req.Asks, wanted{ID: "own", Weight: 2, Want: 1000, PerSecond: own})
		}
		for range rapid.IntRange(1, 10).Draw(t, "before") {
			now += int64(rapid.IntRange(1000, 300_000).Draw(t, "pause"))
			ask(t, d, now, req)
		}
		lowered := now - began
		limit := rapid.SampledFrom([]float64{50, 250, 251}).Draw(t, "limit")
		req.Stamp, req.MPS = 2, limit
		var r record
		for range 40 {
			now += int64(rapid.IntRange(1000, 300_000).Draw(t, "pause"))
			r.add(d, ask(t, d, now, req))
			// A worker with the old file does not bring the old limit back.
			old := req
			old.Stamp, old.MPS, old.Worker = 1, 500, "old"
			now += 1000
			r.add(d, ask(t, d, now, old))
		}
		soon := slices.DeleteFunc(r.all, func(e arrival) bool { return e.us < float64(lowered)+3e6 })
		r.within(t, "the sender", soon, limit, 0.03)
		if end := float64(now - began); end > float64(lowered)+5e6 && len(soon) == 0 {
			t.Fatalf("nothing goes out any more: %v", r.text)
		}
	})
}

// The newest settings hold for all workers, and a worker with others is told.
func TestNewestSettingsHold(t *testing.T) {
	t.Parallel()
	d := newDesk()
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
		a := ask(t, d, began, tt.req)
		if a.MPS != tt.mps || a.Flight != tt.flight || a.Conflict != tt.conflicted {
			t.Errorf("%+v: %v a second, %d in flight, conflict %v", tt.req, a.MPS, a.Flight, a.Conflict)
		}
	}
}

// While there is work, slots follow each other without a gap: the limit is used. No
// worker asks again and again for what is not to be had yet.
func TestSlotsUseTheLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit float64
		whole int
		burst float64
	}{{1, 0, 1}, {20, 0, 1}, {80, 0, 1}, {2000, 0, 1}, {80, 1000, 1}, {500, 1000, 1}, {3500, 1000, 1}, {500, 1000, 0.25}, {80, 1000, 0.1}, {1000, 20, 1}} {
		d := newDesk()
		now := began
		var r record
		asked := 0
		for now < began+30_000_000 {
			asked++
			one := wanted{ID: "c", Weight: 2, Want: 1000}
			if tt.whole > 0 {
				one.Want, one.Whole = tt.whole, true
			}
			a := ask(t, d, now, request{MPS: tt.limit, Burst: tt.burst, Asks: []wanted{one}})
			r.add(d, a)
			now += int64(max(a.Wait, 10_000))
		}
		first, last, n := math.Inf(1), 0.0, 0
		for _, e := range r.all {
			first, last, n = min(first, e.us), max(last, e.us), n+e.n
		}
		if share := float64(n) / ((last-first)/1e6 + 1/tt.limit) / tt.limit; share < 0.97 {
			t.Errorf("%+v: %.1f %% of it used", tt, share*100)
		}
		if asked > 30*40 && asked > 2*len(r.text) {
			t.Errorf("%+v: %d questions in 30 s", tt, asked)
		}
	}
}

// The bursts of a campaign with a limit of its own leave the rest to the others.
func TestBurstsWithALimitLeaveTheRest(t *testing.T) {
	t.Parallel()
	for _, own := range []float64{1.5, 19, 190} {
		d := newDesk()
		now := began
		var r record
		for now < began+20_000_000 {
			a := ask(t, d, now, request{MPS: 500, Asks: []wanted{{ID: "big", Weight: 2, Want: 1000}, {ID: "own", Weight: 2, Want: 10, Whole: true, PerSecond: own}}})
			r.add(d, a)
			now += int64(max(a.Wait, 10_000))
		}
		sent := len(r.each["big"])
		for _, e := range r.each["own"] {
			sent += e.n
		}
		if used := float64(sent) / 20 / 500; used < 0.97 {
			t.Errorf("own limit %v: %.1f %% of the limit used: %v", own, used*100, r.text)
		}
		r.within(t, "own", r.each["own"], own, 0)
	}
}

// The count of 24 hours is never exceeded.
func TestDayIsKept(t *testing.T) {
	t.Parallel()
	check(t, func(t *rapid.T, d *desk) {
		const day = 1000
		now := began
		var r record
		for range rapid.IntRange(20, 80).Draw(t, "asks") {
			now += int64(rapid.IntRange(1, 3600).Draw(t, "pause")) * 1_000_000
			a := ask(t, d, now, request{MPS: 500, Day: day, Asks: []wanted{{ID: "c", Weight: 2, Want: 300}}})
			r.add(d, a)
			if sum := busiestIn(r.all, 86400e6); sum > day {
				t.Fatalf("%d messages in 24 hours, %d are allowed", sum, day)
			}
			if a.Full && a.Wait <= 0 {
				t.Fatal("no time to come back at")
			}
		}
	})
}

// What is known of a day goes once it is long over, however long a sender sends.
func TestDaysThatAreOverGo(t *testing.T) {
	t.Parallel()
	d := newDesk()
	for now := began; now < began+10*day; now += bucket / 2 {
		if a := ask(t, d, now, request{MPS: 500, Day: 1_000_000, Asks: []wanted{{ID: "c", Weight: 2, Want: 10}}}); len(a.Slots) == 0 {
			t.Fatalf("no slot after %d s", (now-began)/second)
		}
	}
	if most := (day + keptFor) / bucket; len(d.day) > most+2 {
		t.Errorf("%d buckets are kept, and %d are enough", len(d.day), most)
	}
	for b := range int64(3 * pastAtOnce) { // more than one plan drops
		d.day[b] = 1
	}
	for now := began + 10*day; now < began+10*day+3*second; now += second {
		ask(t, d, now, request{MPS: 500, Day: 1_000_000, Asks: []wanted{{ID: "c", Weight: 2, Want: 10}}})
	}
	if len(d.day) > 300 {
		t.Errorf("%d buckets are left", len(d.day))
	}
}
