package ratelimit

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

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
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.us, b.us) })
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

// check runs a property, each time on an empty Redis.
func check(t *testing.T, property func(*rapid.T, redis.UniversalClient)) {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(t.Context())
		property(t, rdb)
	})
}

// A tester is a test, or one draw of a property.
type tester interface {
	Context() context.Context
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// began is when the tests' clock begins.
const began = int64(1_700_000_000_000_000)

// ask runs the script at a time of its own, for a sender whose bursts last a second.
func ask(t tester, rdb redis.UniversalClient, now int64, req request) *answer {
	req.Now, req.Busy = now, true
	if req.Worker == "" {
		req.Worker = "w"
	}
	if req.Stamp == 0 {
		req.Stamp = 1
	}
	if req.Burst == 0 {
		req.Burst = 1
	}
	if req.Lead == 0 {
		req.Lead = 1000
	}
	a, err := call(t.Context(), rdb, "s", req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A record is what was granted.
type record struct {
	all  []event
	each map[string][]event // by campaign
	text []string
}

func (r *record) add(now int64, a *answer) {
	if r.each == nil {
		r.each = map[string][]event{}
	}
	for _, s := range a.Slots {
		at := float64(now-began) + s.Start
		r.text = append(r.text, fmt.Sprintf("%s at %.3f: %d every %.4f", s.ID, at/1e6, s.N, s.Step/1e6))
		events := s.events(at)
		r.all = append(r.all, events...)
		r.each[s.ID] = append(r.each[s.ID], events...)
	}
}

// within fails where a second holds more than the limit, or one more below 50, and
// a part of it.
func (r *record) within(t tester, who string, events []event, limit, part float64) {
	most := math.Ceil(limit)
	if limit < 50 {
		most++
	}
	if got := float64(busiest(events)); limit > 0 && got > max(most, limit*(1+part)) {
		t.Fatalf("%v messages of %s in one second, the limit is %v: %v", got, who, limit, r.text)
	}
}

// events are the slot's messages, which begins at a time.
func (s *slot) events(at float64) []event {
	if s.Step == 0 {
		return []event{{at, s.N}}
	}
	all := make([]event, s.N)
	for i := range all {
		all[i] = event{at + float64(i)*s.Step, 1}
	}
	return all
}

// longestGap is the longest time without a message before a time, in microseconds.
func longestGap(events []event, until float64) (longest float64) {
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.us, b.us) })
	for i := 1; i < len(events) && events[i].us < until; i++ {
		longest = max(longest, events[i].us-events[i-1].us)
	}
	return longest
}
