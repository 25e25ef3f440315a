package ratelimit

import (
	"cmp"
	"container/heap"
	"math"
)

// A contender is a campaign while slots are planned.
type contender struct {
	key    uint64
	tag    tag
	weight float64
	own    float64 // its own limit, where that is below the sender's; 0: none
	asks   []*Demand
	start  float64 // its start tag
	from   int64   // it may not go before
}

// A planner is one plan under way.
type planner struct {
	s           *Schedule
	a           Allowance
	single      float64 // submissions of one message a second; 0: any number
	span        float64 // seconds that a turn takes
	left        int
	log         *window
	ready, held queue
	planned     []event // what is planned and not passed yet
	slots       []Slot
}

func newPlanner(s *Schedule, a Allowance, demands []Demand, now int64) *planner {
	p := &planner{s: s, a: a, single: a.Messages, left: a.Left}
	if a.Requests > 0 && (p.single == 0 || a.Requests < p.single) {
		p.single = a.Requests
	}
	p.log = newWindow(s, min(now-second-guard, now-(p.after(now, 2, false)-now)))
	p.planned = s.planned()
	p.ready.before = func(a, b *contender) bool {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key)) < 0
	}
	p.held.before = func(a, b *contender) bool {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.key, b.key)) < 0
	}
	all := make(map[uint64]*contender, len(demands))
	room := make([]contender, len(demands)) // for all at once
	order := make([]*contender, 0, len(demands))
	got := map[string]float64{}
	for i := range demands {
		d := &demands[i]
		c := all[d.Campaign]
		if c == nil {
			c = &room[len(order)]
			c.key, c.tag = d.Campaign, s.tags[d.Campaign]
			all[d.Campaign] = c
			order = append(order, c)
		}
		c.weight = max(c.weight, float64(d.Weight))
		if d.PerSecond > 0 && (a.Messages == 0 || d.PerSecond < a.Messages) {
			c.own = d.PerSecond
		}
		c.asks = append(c.asks, d)
		got[d.Worker] = s.got[d.Worker]
	}
	s.got = level(got, max(1, p.single))
	// A turn is short, so that shares are exact over any half second, but not so
	// short that each message has an intent of its own.
	p.span = min(0.02, max(0.005, 0.1/float64(max(1, len(order)))), 0.5/float64(max(1, len(order))))
	for _, c := range order {
		// What was long ago does not count: nobody is further ahead than two turns.
		n, whole := 2*max(1, p.single*p.span), 0
		for _, d := range c.asks {
			whole = max(whole, cut(d.Whole, a.Messages, a.Burst))
		}
		if most := s.Virtual + max(n, float64(whole))/c.weight; c.tag.Finish > most {
			c.tag.Finish = most
			s.tags[c.key] = c.tag
		}
		p.contend(c, now)
	}
	return p
}

// level takes what all workers got from what each got. One that is new begins with
// the others, and nobody is further behind than by a second's messages.
func level(got map[string]float64, most float64) map[string]float64 {
	least, top := math.Inf(1), 0.0
	for _, n := range got {
		if n > 0 {
			least = min(least, n)
		}
		top = max(top, n)
	}
	if top > 0 {
		least = max(least, top-most)
	}
	for w, n := range got {
		got[w] = 1
		if top > 0 {
			got[w] += max(n, least) - least
		}
	}
	return got
}

// contend puts a campaign that has something left to send where it waits for its
// turn, or for the time from which it may go.
func (p *planner) contend(c *contender, at int64) {
	d := p.worker(c, at)
	if d == nil {
		return
	}
	n, _, whole := p.turn(c, d)
	c.from = max(d.From, c.tag.next(n, whole, c.own))
	if c.from > at {
		heap.Push(&p.held, c)
		return
	}
	c.start = max(p.s.Virtual, c.tag.Finish)
	heap.Push(&p.ready, c)
}

// worker is the demand that is served next: of those that can act at a time, or
// the first that can, the one whose worker got least.
func (p *planner) worker(c *contender, at int64) (best *Demand) {
	for _, d := range c.asks {
		if d.Want <= 0 {
			continue
		}
		if best == nil || max(d.From, at) < max(best.From, at) ||
			max(d.From, at) == max(best.From, at) && p.s.got[d.Worker] < p.s.got[best.Worker] {
			best = d
		}
	}
	return best
}

// turn is how many messages go out in one turn, and how far apart.
func (p *planner) turn(c *contender, d *Demand) (n int, step float64, whole bool) {
	n = min(d.Want, p.left)
	if d.Whole > 0 {
		n = min(n, d.Whole)
		for _, rate := range []float64{p.a.Messages, c.own} {
			n = cut(n, rate, p.a.Burst)
		}
		return n, 0, n > 1
	}
	rate := p.single
	switch {
	case p.single == 0 && c.own == 0:
		return n, 0, false
	case p.single == 0:
		rate = c.own // nobody else is in its way
	case c.own > 0 && c.own < p.single || p.log.wholes():
		return 1, second / rate, false
	}
	return max(1, min(n, int(rate*p.span))), second / rate, false
}

// cut is how many of n messages go out at once, so that whole ones make up what a
// second may hold.
func cut(n int, rate, burst float64) int {
	if rate == 0 || n == 0 {
		return n
	}
	n = min(n, max(1, int(rate*burst)))
	if float64(n) >= rate {
		return n
	}
	even := max(1, int(rate/math.Ceil(rate/float64(n))))
	if even < n { // equal parts, or the last would leave a hole
		n = (n + (n+even-1)/even - 1) / ((n + even - 1) / even)
		even = max(1, int(rate/math.Ceil(rate/float64(n))))
	}
	return min(n, even)
}

// grant enters a slot, with what follows from it for those after.
func (p *planner) grant(c *contender, d *Demand, slot Slot) {
	d.Want -= slot.N
	p.left -= slot.N
	p.s.got[d.Worker] += float64(slot.N)
	c.tag.Finish = c.start + float64(slot.N)/c.weight
	c.tag.went(slot, c.own)
	p.s.tags[c.key] = c.tag
	p.s.Last = max(p.s.Last, slot.At+int64(math.Ceil(float64(slot.N-1)*slot.Step)))
	p.log.add(slot)
	if k := len(p.slots) - 1; k >= 0 && p.slots[k].continues(slot) {
		p.slots[k].N += slot.N
		return
	}
	p.slots = append(p.slots, slot)
}

// after is when the next submission may go out after n messages at a time.
func (p *planner) after(at int64, n int, whole bool) int64 {
	switch {
	case p.single == 0:
		return at
	case whole:
		n = 1
	}
	return at + int64(math.Ceil(float64(n)*second/p.single))
}

// next is when the next submission may go out after all that are planned.
func (p *planner) next() int64 { return p.after(p.s.Last, 1, false) }

// free is the first moment, from at on, at which a submission may go out among those
// that are planned, and how many messages there is room for. Where all campaigns had
// to wait for limits of their own, there are gaps.
func (p *planner) free(at int64) (from int64, room int) {
	if p.single == 0 {
		return at, math.MaxInt
	}
	for ; len(p.planned) > 0; p.planned = p.planned[1:] {
		e := p.planned[0]
		if n := float64(e.at-at) * p.single / second; n >= 1-1e-6 {
			return at, int(n + 1e-6)
		}
		at = max(at, p.after(e.end(), 1, false))
	}
	return max(at, p.next()), math.MaxInt
}

// undisturbed is how many messages may go out before somebody is due that waits for
// its own limit.
func (p *planner) undisturbed(at int64) int {
	if p.held.Len() == 0 || p.single == 0 {
		return math.MaxInt
	}
	return max(1, int(math.Ceil(float64(p.held.of[0].from-at)*p.single/second)))
}

// firstFree is free for whoever comes next.
func (p *planner) firstFree(at int64) int64 {
	p.planned = p.s.planned()
	at, _ = p.free(at)
	return at
}

// continues says that a slot goes on with another of the same worker and campaign.
func (s *Slot) continues(next Slot) bool {
	end := s.At + int64(math.Ceil(float64(s.N)*s.Step))
	return !s.Whole && !next.Whole && s.Worker == next.Worker && s.Campaign == next.Campaign &&
		s.Step == next.Step && s.Step > 0 && next.At >= end-1 && next.At <= end+1
}

// A queue has in front whoever is before all others.
type queue struct {
	of     []*contender
	before func(a, b *contender) bool
}

func (q *queue) Len() int           { return len(q.of) }
func (q *queue) Less(i, j int) bool { return q.before(q.of[i], q.of[j]) }
func (q *queue) Swap(i, j int)      { q.of[i], q.of[j] = q.of[j], q.of[i] }
func (q *queue) Push(c any)         { q.of = append(q.of, c.(*contender)) }
func (q *queue) Pop() any {
	last := len(q.of) - 1
	c := q.of[last]
	q.of = q.of[:last]
	return c
}
