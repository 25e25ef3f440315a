package ratelimit

import "container/heap"

const (
	second = 1_000_000 // in microseconds, as all times of Redis' clock are here
	// guard is how much longer than a second a submission of many messages is
	// remembered: it may be late by the tolerance, and all of it at once.
	guard = second / 50
	// farthest is how long a plan is not looked at again.
	farthest = 2 * second
)

// An Allowance is what a sender may do now.
type Allowance struct {
	Messages float64 // a second; 0: any number
	Requests float64 // a second; 0: any number
	Burst    float64 // seconds of Messages that one submission may use up
	Left     int     // messages of the day
	From     int64   // not before
}

// A Demand is what one worker could send of one campaign.
type Demand struct {
	Worker    string
	Campaign  uint64 // see keyOf
	Weight    int
	Want      int     // messages
	Whole     int     // messages of one submission; 0: each has its own
	PerSecond float64 // the campaign's own limit; 0: none
	From      int64   // its worker cannot act on a slot before
}

// A Slot is leave for one worker to send N messages of one campaign from At on,
// Step microseconds apart; or, if it is whole, at once in one submission.
type Slot struct {
	Worker   string
	Campaign uint64
	N        int
	At       int64
	Step     float64
	Whole    bool
}

// Plan hands out the next slots of a sender, for all workers, as far as until; no
// slot is before now and the lead. It is start-time fair queueing: each campaign
// has a tag, in messages by weight; the one with the smallest goes next, and its
// tag grows by what it gets. Who has nothing to send or is held by its own limit
// loses its turn and holds nobody. Of a campaign's workers the one goes next that
// got least. The schedule goes on to where the plan ends.
func Plan(s *Schedule, a Allowance, demands []Demand, now, lead, until int64) []Slot {
	p := newPlanner(s, a, demands, now)
	at := max(now+lead, a.From)
	for p.left > 0 {
		var room int
		if at, room = p.free(at); at >= until {
			break
		}
		for p.held.Len() > 0 && p.held.of[0].from <= at {
			p.contend(heap.Pop(&p.held).(*contender), at)
		}
		if p.ready.Len() == 0 {
			if p.held.Len() == 0 {
				break
			}
			at = p.held.of[0].from
			continue
		}
		c := p.ready.of[0]
		d := p.worker(c, at)
		n, step, whole := p.turn(c, d)
		if c.from = c.tag.next(n, whole, c.own); c.from > at {
			heap.Push(&p.held, heap.Pop(&p.ready)) // another worker's submission is larger
			continue
		}
		start := at
		if whole {
			start = max(at, p.next())
		} else {
			n = min(n, room, p.undisturbed(at))
		}
		start, n = p.log.place(start, n, whole, p.a.Messages)
		if start >= until {
			at = start // its turn, which nobody takes from it
			break
		}
		if !whole && start > at {
			at = start // there may be no gap
			continue
		}
		heap.Pop(&p.ready)
		s.Virtual = max(s.Virtual, c.start)
		p.grant(c, d, Slot{Worker: d.Worker, Campaign: c.key, N: n, At: start, Step: step, Whole: whole && n > 1})
		p.contend(c, start)
		at = p.after(start, n, whole)
	}
	p.log.store(s)
	s.Next = p.firstFree(now + lead)
	switch {
	case p.ready.Len() > 0:
		s.Reach = at
	case p.held.Len() > 0:
		s.Reach = min(p.held.of[0].from, until)
	default:
		s.Reach = s.Next
	}
	s.Reach = min(s.Reach, now+farthest) // the pace may be another by then
	return p.slots
}
