package ratelimit

import (
	"strconv"
	"strings"
	"time"
)

const (
	// gone is how long a worker counts that says nothing any more.
	gone = 3 * second
	// staleAfter is how old demands may be that are planned for, at a pace of some
	// messages a second: a worker tells them anew every third of a second, and
	// what is planned for one that died is lost.
	staleAfter = second * 55 / 100
	// known is by how much two workers' looks at the clock may differ.
	known = second / 20
)

// A planning is a worker's side of a plan.
type planning struct {
	worker string
	mine   settings
	next   int64         // it knows that all before is handed out
	jumped bool          // it saw Redis' clock go forward
	lead   time.Duration // it needs so long before a slot
	others time.Duration // the others get their slots so much later
	ahead  time.Duration // the plan is to reach so far
}

// propose plans for all workers on what a beat brought. Changed says whether there is
// anything to put in force; dead are workers that say nothing any more.
func (p planning) propose(a *answer) (c change, changed bool, dead []string, err error) {
	s, err := decodeSchedule(a.plan["schedule"])
	if err != nil {
		s = newSchedule() // of another version
	}
	h := a.head
	changed = h.adopt(p.mine, a.none)
	if h.Seen > a.now+second || p.jumped && h.Seen < a.now-second/2 {
		// Redis' clock was set, or it is another Redis with another clock.
		rest := max(s.again(h.Seen), h.Pause-h.Seen)
		h.At, h.Pause, changed = a.now, a.now+rest+second+guard, true
	}
	allowed := h.allowance(a.now)
	if p.next > s.Last+known && p.next < a.now+farthest {
		allowed.From = max(allowed.From, p.next) // Redis has lost the end of what it knew
	}
	var until int64
	allowed.Left, until = a.day.left(h.dayLimit(), a.now)
	changed = changed || until != h.DayUntil
	h.DayUntil = until
	demands, dead, err := p.demands(a, allowed)
	if err != nil {
		return c, false, nil, err
	}
	h.Seen = a.now
	c = change{version: a.version, worker: p.worker, head: h, schedule: s, slots: map[string][]Slot{}, past: a.day.past(a.now)}
	end := a.now
	for _, slot := range Plan(s, allowed, demands, a.now, p.lead.Microseconds(), a.now+p.ahead.Microseconds()) {
		c.slots[slot.Worker] = append(c.slots[slot.Worker], slot)
		if h.dayLimit() > 0 {
			c.count += slot.N
		}
		end = max(end, slot.At+int64(float64(slot.N)*slot.Step))
	}
	if h.dayLimit() > 0 {
		c.bucket = bucketOf(end)
	}
	return c, changed || len(c.slots) > 0, dead, nil
}

// demands are what all workers want that has no slot yet, and which workers are gone.
func (p planning) demands(a *answer, allowed Allowance) (demands []Demand, dead []string, err error) {
	stale := int64(staleAfter)
	if m := allowed.Messages; m > 0 && m < 4 || allowed.From > a.now {
		stale = gone // they tell theirs once a second
	}
	for _, field := range sorted(a.plan) {
		worker, ok := strings.CutPrefix(field, "d:")
		if !ok {
			continue
		}
		clock, said, _ := strings.Cut(a.plan[field], " ")
		at, err := strconv.ParseInt(clock, 10, 64)
		switch age := a.now - at; {
		case err != nil || age > gone || age < -second:
			dead = append(dead, worker)
			continue
		case age > stale:
			continue
		}
		theirs, err := unmet(worker, said, a.plan)
		if err != nil {
			return nil, nil, err
		}
		if worker != p.worker {
			for i := range theirs {
				theirs[i].From = a.now + p.others.Microseconds()
			}
		}
		demands = append(demands, theirs...)
	}
	return demands, dead, nil
}

// unmet is what a worker said that it wants, less the slots that it was given since.
func unmet(worker, said string, plan map[string]string) ([]Demand, error) {
	demands, err := decodeDemands(worker, said)
	if err != nil {
		return nil, err
	}
	got := map[uint64]int{}
	for _, where := range []string{"h:", "p:"} {
		plans, err := decodeSlots(worker, plan[where+worker])
		if err != nil {
			return nil, err
		}
		for _, one := range plans {
			for _, s := range one.slots {
				got[s.Campaign] += s.N
			}
		}
	}
	for i := range demands {
		demands[i].Want -= got[demands[i].Campaign]
	}
	return demands, nil
}
