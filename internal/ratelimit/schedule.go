package ratelimit

import (
	"cmp"
	"math"
	"slices"
)

// A Schedule is what one plan hands on to the next: who got how much, and what was
// handed out that still matters.
type Schedule struct {
	Last    int64   // when the last message goes out
	Next    int64   // when the next submission may
	Reach   int64   // until when all that was wanted has its slots
	Virtual float64 // the start tag that was served last
	tags    map[uint64]tag
	got     map[string]float64 // what each worker got, beside the others
	singles []event
	wholes  []event
}

func newSchedule() *Schedule {
	return &Schedule{tags: map[uint64]tag{}, got: map[string]float64{}}
}

// planned are all submissions that were planned, in their order.
func (s *Schedule) planned() []event {
	if len(s.wholes) == 0 {
		return s.singles
	}
	all := slices.Concat(s.singles, s.wholes)
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return all
}

// A tag is what is remembered of one campaign.
type tag struct {
	Finish float64 // where its next start tag is, or later
	Free   int64   // its own limit lets it go from then on
	last   bool    // its last submission was whole
	wholes []event // its own of the last second, where it has a limit of its own and one is whole
}

// next is when the campaign's own limit has room for n more messages.
func (t *tag) next(n int, whole bool, own float64) int64 {
	if own == 0 {
		return 0
	}
	at := t.Free
	if !whole {
		return at
	}
	if !t.last {
		at += int64(float64(n-1) / own * second) // the single one before it needs as much room
	}
	if float64(n) > own {
		return at
	}
	sum := n
	for i := len(t.wholes) - 1; i >= 0; i-- {
		if sum += t.wholes[i].n; float64(sum) > own+0.001 {
			return max(at, t.wholes[i].at+second+guard)
		}
	}
	return at
}

// went notes what the campaign got. One message may be as late as the next is due,
// and the next is on time all the same.
func (t *tag) went(s Slot, own float64) {
	if own == 0 {
		return
	}
	free := s.At
	if !s.Whole {
		free = max(t.Free, s.At-int64(second/own))
	}
	t.Free = free + int64(math.Ceil(float64(s.N)/own*second))
	t.last = s.Whole
	for len(t.wholes) > 0 && t.wholes[0].at <= s.At-second-guard {
		t.wholes = t.wholes[1:]
	}
	whole := func(e event) bool { return e.step == 0 }
	if s.Whole || slices.ContainsFunc(t.wholes, whole) {
		// Single ones count too, as long as they share a second with others.
		t.wholes = append(t.wholes, event{s.At + int64(math.Ceil(float64(s.N-1)*s.Step)), s.N, s.Step})
		return
	}
	t.wholes = nil
}

// forget drops what no longer matters.
func (s *Schedule) forget(now int64) {
	for key, t := range s.tags {
		if t.Finish <= s.Virtual && t.Free <= now-second && (len(t.wholes) == 0 || t.wholes[len(t.wholes)-1].at <= now-second-guard) {
			delete(s.tags, key)
		}
	}
}

// again begins a schedule anew after Redis' clock was set: its times mean nothing
// any more. It returns how long what was handed out goes out yet.
func (s *Schedule) again(seen int64) (rest int64) {
	rest = max(0, s.Last-seen)
	for key, t := range s.tags {
		s.tags[key] = tag{Finish: t.Finish}
	}
	s.Last, s.Next, s.Reach, s.singles, s.wholes = 0, 0, 0, nil, nil
	return rest
}
