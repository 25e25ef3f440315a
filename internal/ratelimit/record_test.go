package ratelimit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// check runs a property, each time on an empty store.
func check(t *testing.T, property func(*rapid.T, *desk)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) { property(t, newDesk()) })
}

// A tester is a test, or one draw of a property.
type tester interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// A desk is where workers ask for slots at times that a test says.
type desk struct {
	*memory
	at  int64
	ids map[uint64]string
}

func newDesk() *desk {
	d := &desk{ids: map[uint64]string{}}
	d.memory = newMemory(func() int64 { return d.at })
	return d
}

// request is one worker's question: its settings, and what it could send.
type request struct {
	Worker   string
	Stamp    int64
	MPS, RPS float64
	Day      int
	Burst    float64
	Flight   int
	Lead     int64
	Asks     []wanted
}

type wanted struct {
	ID        string
	Weight    int
	PerSecond float64
	Want      int
	Whole     bool
}

// granted is what it gets: slots, or when to come back, in microseconds from now.
type granted struct {
	MPS      float64
	Flight   int
	Conflict bool
	Full     bool // the day is
	Wait     float64
	Slots    []Slot
}

// ask asks, at a time of its own, for a sender whose bursts last a second.
func ask(t tester, d *desk, now int64, req request) *granted {
	d.at = now
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
	mine := settings{Stamp: req.Stamp, Messages: req.MPS, Requests: req.RPS, Day: req.Day, Burst: req.Burst, Flight: req.Flight}
	r := report{worker: req.Worker, flight: 1, reach: req.Lead + 100_000, fresh: true}
	for _, a := range req.Asks {
		d.ids[keyOf(a.ID)] = a.ID
		w := Demand{Campaign: keyOf(a.ID), Weight: a.Weight, Want: a.Want, PerSecond: a.PerSecond}
		if a.Whole {
			w.Whole = a.Want
		}
		r.demands = append(r.demands, w)
	}
	a, err := d.beatNow(r)
	if err != nil {
		t.Fatal(err)
	}
	r.force = a.none || mine.Stamp > a.head.Stamp
	slots := a.slots
	if a.plan != nil || r.force {
		if a.plan == nil {
			r.worker, r.demands = "", nil
			if a, err = d.beatNow(r); err != nil {
				t.Fatal(err)
			}
		}
		p := planning{worker: req.Worker, mine: mine, lead: time.Duration(req.Lead) * time.Microsecond, others: 50 * time.Millisecond, ahead: time.Duration(req.Lead)*time.Microsecond + 500*time.Millisecond}
		c, changed, _, err := p.propose(a)
		if err != nil {
			t.Fatal(err)
		}
		a.head, a.reach = c.head, c.schedule.Reach
		if changed {
			done, err := d.commitNow(c)
			if err != nil {
				t.Fatal(err)
			}
			slots = append(slots, done.slots...)
		}
	}
	g := &granted{MPS: a.head.Messages, Flight: a.head.Flight, Conflict: a.head.conflicts(mine)}
	for _, plan := range slots {
		g.Slots = append(g.Slots, plan.slots...)
	}
	if g.Full = a.head.DayUntil > now; g.Full {
		g.Wait = float64(a.head.DayUntil - now)
	} else if len(g.Slots) == 0 {
		g.Wait = float64(max(1, a.reach-now-req.Lead-50_000))
	}
	return g
}

// A record is what was granted.
type record struct {
	all  []arrival
	each map[string][]arrival // by campaign
	text []string
}

func (r *record) add(d *desk, a *granted) {
	if r.each == nil {
		r.each = map[string][]arrival{}
	}
	for _, s := range a.Slots {
		at, id := float64(s.At-began), d.ids[s.Campaign]
		r.text = append(r.text, fmt.Sprintf("%s at %.3f: %d every %.4f", id, at/1e6, s.N, s.Step/1e6))
		events := s.arrivals(at)
		r.all = append(r.all, events...)
		r.each[id] = append(r.each[id], events...)
	}
}

// within fails where a second holds more than the limit, or one more below 50, and
// a part of it.
func (r *record) within(t tester, who string, events []arrival, limit, part float64) {
	most := math.Ceil(limit)
	if limit < 50 {
		most++
	}
	if got := float64(busiest(events)); limit > 0 && got > max(most, limit*(1+part)) {
		t.Fatalf("%v messages of %s in one second, the limit is %v: %v", got, who, limit, r.text)
	}
}

// arrivals are the slot's messages, which begins at a time.
func (s *Slot) arrivals(at float64) []arrival {
	if s.Step == 0 {
		return []arrival{{at, s.N}}
	}
	all := make([]arrival, s.N)
	for i := range all {
		all[i] = arrival{at + float64(i)*s.Step, 1}
	}
	return all
}

// longestGap is the longest time without a message before a time, in microseconds.
func longestGap(events []arrival, until float64) (longest float64) {
	slices.SortFunc(events, func(a, b arrival) int { return cmp.Compare(a.us, b.us) })
	for i := 1; i < len(events) && events[i].us < until; i++ {
		longest = max(longest, events[i].us-events[i-1].us)
	}
	return longest
}
