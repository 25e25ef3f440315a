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
	recent []event // its own of the last second, where it has a limit of its own
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
	for i := len(t.recent) - 1; i >= 0; i-- {
		e := t.recent[i]
		if sum += e.n; float64(sum) > own+0.001 {
			over := math.Ceil(float64(sum) - own - 0.001) // so many of its messages must be a second old
			return max(at, e.at+int64(math.Ceil((over-1)*e.step))+second+guard)
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
	t.recent = recent(t.recent, s, int64(second/own))
}

// recent adds a slot to those of the last second. Single messages that follow each
// other are one, with the time between them: so a campaign that has no others takes
// little room.
func recent(events []event, s Slot, step int64) []event {
	since := s.At - second - guard
	for len(events) > 0 {
		e := &events[0]
		if e.end() <= since {
			events = events[1:]
			continue
		}
		if gone := int((float64(since-e.at) + 1) / max(1, e.step)); e.step > 0 && gone > 0 {
			gone = min(gone, e.n-1)
			e.at, e.n = e.at+int64(float64(gone)*e.step), e.n-gone
		}
		break
	}
	if k := len(events) - 1; k >= 0 && s.N == 1 && !s.Whole {
		last := &events[k]
		single := last.n == 1 || last.step > 0
		if gap := s.At - last.end(); single && gap >= 0 && gap <= 4*step {
			last.step = float64(s.At-last.at) / float64(last.n)
			last.n++
			return events
		}
	}
	return append(events, event{s.At, s.N, s.Step})
}

// forget drops what no longer matters.
func (s *Schedule) forget(now int64) {
	for key, t := range s.tags {
		if t.Finish <= s.Virtual && t.Free <= now-second && (len(t.recent) == 0 || t.recent[len(t.recent)-1].end() <= now-second-guard) {
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
