package ratelimit

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/redistest"
)

// An event is n messages that may go out at one time of Redis' clock.
type event struct {
	us float64
	n  int
}

// busiest is the most messages in any window of one second.
func busiest(events []event) int {
	slices.SortFunc(events, func(a, b event) int {
		if a.us < b.us {
			return -1
		}
		return 1
	})
	most, sum, from := 0, 0, 0
	for to := range events {
		sum += events[to].n
		for events[to].us-events[from].us >= 1e6-1 {
			sum -= events[from].n
			from++
		}
		most = max(most, sum)
	}
	return most
}

// ask runs the script at a time of its own.
func ask(t *rapid.T, rdb redis.UniversalClient, script *redis.Script, name string, now int64, req request) *answer {
	req.Now, req.Burst, req.Busy = now, 1, true
	if req.Lead == 0 {
		req.Lead = 1000
	}
	a, err := call(t.Context(), rdb, script, name, req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func events(now int64, a *answer) []event {
	var all []event
	for _, s := range a.Slots {
		if s.Step == 0 {
			all = append(all, event{float64(now) + s.Start, s.N})
			continue
		}
		for i := range s.N {
			all = append(all, event{float64(now) + s.Start + float64(i)*s.Step, 1})
		}
	}
	return all
}

// For any interleaving of workers, campaigns, whole submissions, pauses and
// changes of the limit, no window of one second on Redis' clock contains slots
// for more than the limit.
func TestSlotsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(t.Context())
		limit := rapid.SampledFrom([]float64{0, 0.5, 1, 3, 20, 80, 500, 2000}).Draw(t, "limit")
		campaigns := rapid.IntRange(1, 4).Draw(t, "campaigns")
		own := make([]float64, campaigns)
		for c := range own {
			own[c] = rapid.SampledFrom([]float64{0, 0, 1, 10, 100, 400}).Draw(t, "per second")
		}
		now := int64(1_700_000_000_000_000)
		var all []event
		each := map[string][]event{}
		var granted []string
		for range rapid.IntRange(5, 40).Draw(t, "asks") {
			now += int64(rapid.IntRange(100, 700_000).Draw(t, "pause"))
			req := request{
				Worker: fmt.Sprint("w", rapid.IntRange(1, 4).Draw(t, "worker")), Stamp: 1, MPS: limit,
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
			a := ask(t, rdb, script, "s", now, req)
			all = append(all, events(now, a)...)
			for _, s := range a.Slots {
				one := answer{Slots: []slot{s}}
				granted = append(granted, fmt.Sprintf("%s at %.3f: %d every %.3f", s.ID, (float64(now-1_700_000_000_000_000)+s.Start)/1e6, s.N, s.Step/1e6))
				each[s.ID] = append(each[s.ID], events(now, &one)...)
			}
		}
		within := func(who string, limit float64, events []event) {
			most := math.Ceil(limit)
			if limit < 50 {
				most++
			}
			if got := float64(busiest(events)); limit > 0 && got > max(most, limit*1.03) {
				t.Fatalf("%v messages of %s in one second, the limit is %v: %v", got, who, limit, granted)
			}
		}
		within("the sender", limit, all)
		for c, limit := range own {
			within(fmt.Sprint("campaign ", c), limit, each[fmt.Sprint("c", c)])
		}
	})
}

// A campaign with a limit of its own that asks once leaves the others no more than
// what it does not use.
func TestSlotsBesideACampaignThatEnds(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(t.Context())
		limit := rapid.SampledFrom([]float64{20, 80, 500, 2000}).Draw(t, "limit")
		now := int64(1_700_000_000_000_000)
		var all []event
		var granted []string
		for i := range 20 {
			req := request{Worker: "w", Stamp: 1, MPS: limit, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1000}}}
			if rapid.IntRange(0, 6).Draw(t, "own") == 0 {
				own := limit * rapid.SampledFrom([]float64{0.1, 0.2, 0.3, 0.5, 0.9}).Draw(t, "part")
				req.Asks = []scriptA{{ID: fmt.Sprint("own", i), Weight: 2, Want: rapid.IntRange(1, 1000).Draw(t, "want"), PerSecond: own}}
			}
			a := ask(t, rdb, script, "s", now, req)
			all = append(all, events(now, a)...)
			for _, s := range a.Slots {
				granted = append(granted, fmt.Sprintf("%s at %.3f: %d every %.3f", s.ID, (float64(now-1_700_000_000_000_000)+s.Start)/1e6, s.N, s.Step/1e6))
			}
			now += int64(max(a.Wait, 1000))
		}
		if got := float64(busiest(all)); got > max(limit+1, limit*1.03) {
			t.Fatalf("%v messages in one second, the limit is %v: %v", got, limit, granted)
		}
	})
}

// A campaign's own limit holds also where it asks for one message at a time.
func TestOwnLimitMessageByMessage(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	for _, limit := range []float64{0, 80, 500} {
		rdb.FlushAll(t.Context())
		var all []event
		for now := int64(1_700_000_000_000_000); now < 1_700_000_005_000_000; now += 10_000 {
			req := request{Worker: "w", Busy: true, Stamp: 1, MPS: limit, Burst: 1, Lead: 1000, Now: now, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1, PerSecond: 10}}}
			a, err := call(t.Context(), rdb, script, "s", req)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, events(now, a)...)
		}
		if got := busiest(all); got > 11 || len(all) < 40 {
			t.Errorf("limit %v: %d messages in one second, %d in five; its own limit is 10", limit, got, len(all))
		}
	}
}

// After a limit was lowered, slots granted by the old one included, no later
// window holds more than the old limit, and soon none more than the new one.
func TestLoweredLimitHolds(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(t.Context())
		now := int64(1_700_000_000_000_000)
		req := request{Worker: "w", Stamp: 1, MPS: 500, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1000}}}
		for range rapid.IntRange(1, 10).Draw(t, "before") {
			now += int64(rapid.IntRange(1000, 300_000).Draw(t, "pause"))
			ask(t, rdb, script, "s", now, req)
		}
		lowered := now
		req.Stamp, req.MPS = 2, 50
		var all []event
		for range 40 {
			now += int64(rapid.IntRange(1000, 300_000).Draw(t, "pause"))
			all = append(all, events(now, ask(t, rdb, script, "s", now, req))...)
			// A worker with the old file does not bring the old limit back.
			old := req
			old.Stamp, old.MPS, old.Worker = 1, 500, "old"
			now += 1000
			all = append(all, events(now, ask(t, rdb, script, "s", now, old))...)
		}
		all = slices.DeleteFunc(all, func(e event) bool { return e.us < float64(lowered)+3e6 })
		if got := busiest(all); got > 51 {
			t.Fatalf("%d messages in one second after the limit was lowered to 50", got)
		}
	})
}

// The newest settings hold for all workers, and a worker with others is told.
func TestNewestSettingsHold(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	now := int64(1_700_000_000_000_000)
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
		tt.req.Now = now
		a, err := call(t.Context(), rdb, script, "s", tt.req)
		if err != nil {
			t.Fatal(err)
		}
		if a.MPS != tt.mps || a.Flight != tt.flight || a.Conflict != tt.conflicted {
			t.Errorf("%+v: %v a second, %d in flight, conflict %v", tt.req, a.MPS, a.Flight, a.Conflict)
		}
	}
}

// Of a campaign's batches the oldest gets the slots, as long as it takes them.
func TestOldestBatchGoesFirst(t *testing.T) {
	t.Parallel()
	s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000})
	now := time.Now()
	wait := func(began time.Time) *waiter {
		w := &waiter{ask: Ask{Campaign: "c", Want: 1000, Since: began}, got: make(chan *Grant, 1)}
		s.waiting = append(s.waiting, w)
		return w
	}
	younger, older := wait(now), wait(now.Add(-time.Second))
	s.parts["c"] = []*Grant{{N: 1000, start: now.Add(20 * time.Millisecond), step: time.Millisecond, s: s}}
	s.serve()
	if len(older.got) != 1 || len(younger.got) != 0 {
		t.Errorf("%d pieces for the older batch, %d for the younger", len(older.got), len(younger.got))
	}
}

// More slots are asked for before those in hand end, also where the batch that got
// the last of them is not back yet; but not more than it wants.
func TestSlotsAreAskedForEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ want, inHand, ask int }{{1000, 10, 990}, {1000, 500, 0}, {10, 10, 0}} {
		s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000})
		now := time.Now()
		s.waiting = []*waiter{{ask: Ask{Campaign: "c", Want: tt.want, Since: now}, got: make(chan *Grant, 1)}}
		s.parts["c"] = []*Grant{{N: tt.inHand, start: now.Add(20 * time.Millisecond), step: time.Millisecond, s: s}}
		asks, soonest := s.serve()
		asked := 0
		for _, a := range asks {
			asked += a.Want
		}
		if len(s.waiting) > 0 || asked != tt.ask {
			t.Errorf("%+v: asked for %d; %d wait", tt, asked, len(s.waiting))
		}
		if tt.inHand == 500 && soonest.IsZero() {
			t.Error("nothing says when to ask")
		}
	}
}

// Slots of a campaign that asks no more are given back to the day.
func TestSlotsThatNobodyTakes(t *testing.T) {
	t.Parallel()
	s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000, MessagesPerDay: 1000})
	past := time.Now().Add(-time.Second)
	s.parts["paced"] = []*Grant{{N: 100, start: past, step: time.Millisecond, bucket: 7, s: s}}
	s.parts["whole"] = []*Grant{{N: 100, start: past, bucket: 7, s: s}}
	s.serve()
	if len(s.parts) != 0 || s.back[7] != 200 {
		t.Errorf("%d campaigns keep slots, %d are given back", len(s.parts), s.back[7])
	}
}

// While there is work, slots follow each other without a gap: the limit is used. No
// worker asks again and again for what is not to be had yet.
func TestSlotsUseTheLimit(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	for _, tt := range []struct {
		limit float64
		whole bool
		burst float64
	}{{1, false, 1}, {20, false, 1}, {80, false, 1}, {2000, false, 1}, {80, true, 1}, {500, true, 1}, {3500, true, 1}, {500, true, 0.25}, {80, true, 0.1}} {
		rdb.FlushAll(t.Context())
		now := int64(1_700_000_000_000_000)
		first, last, n, asked := math.Inf(1), 0.0, 0, 0
		for now < 1_700_000_030_000_000 {
			req := request{Worker: "w", Stamp: 1, MPS: tt.limit, Burst: tt.burst, Lead: 1000, Now: now, Asks: []scriptA{{ID: "c", Weight: 2, Want: 1000, Whole: tt.whole}}}
			asked++
			a, err := call(t.Context(), rdb, script, "s", req)
			if err != nil {
				t.Fatal(err)
			}
			if a.Wait > 0 {
				now += int64(a.Wait)
				continue
			}
			for _, e := range events(now, a) {
				first, last, n = min(first, e.us), max(last, e.us), n+e.n
			}
			now += 10_000
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
	rdb := redistest.New(t).Client(t)
	script := redis.NewScript(grantLua)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(t.Context())
		const day = 1000
		now := int64(1_700_000_000_000_000)
		var all []event
		for range rapid.IntRange(20, 80).Draw(t, "asks") {
			now += int64(rapid.IntRange(1, 3600).Draw(t, "pause")) * 1_000_000
			a := ask(t, rdb, script, "s", now, request{Worker: "w", Stamp: 1, MPS: 500, Day: day, Asks: []scriptA{{ID: "c", Weight: 2, Want: 300}}})
			all = append(all, events(now, a)...)
			for i := range all {
				sum := 0
				for _, e := range all[i:] {
					if e.us < all[i].us+86400e6 {
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
