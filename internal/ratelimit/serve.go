package ratelimit

import (
	"maps"
	"slices"
	"time"
)

// farAhead is how far ahead slots are granted, in grant.lua.
const farAhead = 600 * time.Millisecond

// serve gives those who wait their pieces of the slots that are ours, each when it
// is due, and returns what is asked for, by campaign. One that was told to come
// back later is no reason to ask before; soonest is when there is more to do.
func (s *Sender) serve() (asks []scriptA, soonest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.dropLate(now)
	maps.DeleteFunc(s.later, func(_ string, at time.Time) bool { return !at.After(now) })
	sooner := func(at time.Time) {
		if soonest.IsZero() || at.Before(soonest) {
			soonest = at
		}
	}
	slices.SortStableFunc(s.waiting, func(a, b *waiter) int { return a.ask.Since.Compare(b.ask.Since) })
	var left []*waiter
	wants := map[string]Ask{}
	for _, w := range s.waiting {
		g, due := s.piece(w.ask, now)
		if g == nil {
			left = append(left, w)
			add(wants, w.ask)
			if !due.IsZero() {
				sooner(due)
			}
			continue
		}
		s.sent.add(g.N)
		w.got <- g
		if w.ask.Want > g.N && !w.ask.Whole {
			// It comes back for the rest; then it is late to ask.
			rest := w.ask
			rest.Want -= g.N
			s.rest[w.ask.batch()] = wish{rest, g.start.Add(2 * s.lead.piece())}
		}
	}
	s.waiting = left
	for b, rest := range s.rest {
		if now.After(rest.until) {
			delete(s.rest, b)
			continue
		}
		add(wants, rest.Ask)
	}
	reason := false
	for id, w := range wants {
		n, ends := s.inHand(id)
		if !w.Whole {
			w.Want -= n
		}
		early := ends.Add(-s.lead.get() - 3*s.lead.piece() - s.took)
		if w.PerSecond > 0 {
			early = early.Add(-farAhead) // its next stretch begins where this one ends
		}
		switch later := s.later[id]; {
		case n > 0 && (w.Want <= 0 || w.Whole):
			continue
		case n > 0 && early.After(now):
			sooner(early)
			continue
		case !later.After(now):
			reason = true
		default:
			sooner(later)
		}
		asks = append(asks, scriptA{ID: id, Weight: max(1, w.Weight), PerSecond: w.PerSecond, Want: w.Want, Whole: w.Whole})
	}
	if !reason {
		asks = nil
	}
	return asks, soonest
}

// add adds a wish to what its campaign wants; a whole submission stands alone.
func add(wants map[string]Ask, ask Ask) {
	w, ok := wants[ask.Campaign]
	switch {
	case !ok:
		w = ask
	case !w.Whole && !ask.Whole:
		w.Want += ask.Want
	}
	wants[ask.Campaign] = w
}

// inHand is how many messages of a campaign have slots that nobody has yet, and
// when those end.
func (s *Sender) inHand(campaign string) (n int, ends time.Time) {
	for _, p := range s.parts[campaign] {
		n += p.N
		ends = p.start.Add(time.Duration(p.N) * p.step)
	}
	return n, ends
}

// piece cuts off what one batch gets now, or nil and when it gets some. A slot for
// a whole submission goes to nobody else. Single messages are kept until they are
// due, so that the oldest batch gets them all: the batches end one after the other,
// and not all at once.
func (s *Sender) piece(ask Ask, now time.Time) (g *Grant, due time.Time) {
	parts := s.parts[ask.Campaign]
	if len(parts) == 0 {
		return nil, time.Time{}
	}
	p := parts[0]
	if due := p.start.Add(-s.lead.get() - s.took); !p.whole() && due.After(now) {
		return nil, due
	}
	cut := *p
	g = &cut
	switch {
	case p.whole() && ask.Whole:
		g.N = min(ask.Want, p.N)
		s.lose(p.bucket, p.N-g.N)
		p.N = 0
	case p.whole() || ask.Whole:
		g.N, p.N = 1, p.N-1
	default:
		g.N = min(ask.Want, p.N)
		if p.step > 0 {
			g.N = min(g.N, max(1, int(s.lead.piece()/p.step)))
		}
		p.N -= g.N
	}
	p.start = p.start.Add(time.Duration(g.N) * p.step)
	if p.N == 0 {
		s.parts[ask.Campaign] = parts[1:]
	}
	return g, time.Time{}
}

// whole says that all messages are at one instant.
func (g *Grant) whole() bool { return g.step == 0 && g.N > 1 }

// dropLate drops the slots whose time has passed, also of campaigns that ask no
// more.
func (s *Sender) dropLate(now time.Time) {
	for id, parts := range s.parts {
		for len(parts) > 0 {
			p := parts[0]
			if late := now.Sub(p.start); late > 0 {
				n := p.N
				if p.step > 0 {
					n = min(n, int(late/p.step)+1)
				}
				s.lose(p.bucket, n)
				p.N -= n
				p.start = p.start.Add(time.Duration(n) * p.step)
			}
			if p.N > 0 {
				break
			}
			parts = parts[1:]
		}
		s.parts[id] = parts
		if len(parts) == 0 {
			delete(s.parts, id)
		}
	}
}

// lose returns messages that nobody will use to their bucket of the day; 0 is
// none. The caller holds the lock.
func (s *Sender) lose(bucket int64, n int) {
	if bucket > 0 && n > 0 {
		s.back[bucket] += n
	}
}

// loseAll drops every slot that nobody has taken. The caller holds the lock.
func (s *Sender) loseAll() {
	for _, parts := range s.parts {
		for _, p := range parts {
			s.lose(p.bucket, p.N)
		}
	}
	s.parts = map[string][]*Grant{}
}
