package ratelimit

import (
	"slices"
	"time"
)

// A lane is one campaign here: its batches that wait, and its slots.
type lane struct {
	id        string
	weight    int
	perSecond float64
	waiting   []*waiter              // the oldest first
	returning map[time.Time]comeback // of batches that will come back, by when they began
	slots     []span                 // in their order
	asked     int                    // for: it has no slot yet
	next      time.Time              // when there is something to do; zero: when somebody comes
}

// A waiter is a batch that waits for its grant.
type waiter struct {
	ask Ask
	got chan *Grant
	err error // with a nil grant
}

// A comeback is what a batch that just got a grant is going to ask for next.
type comeback struct {
	Ask
	until time.Time // then it is late to ask
}

// join has a batch wait. Of a campaign's batches the oldest goes first.
func (l *lane) join(w *waiter) {
	l.weight, l.perSecond = max(1, w.ask.Weight), w.ask.PerSecond
	delete(l.returning, w.ask.Since)
	at, _ := slices.BinarySearchFunc(l.waiting, w, func(a, b *waiter) int {
		if c := a.ask.Since.Compare(b.ask.Since); c != 0 {
			return c
		}
		return -1 // after those that are as old
	})
	l.waiting = slices.Insert(l.waiting, at, w)
}

// demand is what the batches want that has no slot here, and the size of their
// submissions where each carries many messages.
func (l *lane) demand(now time.Time) (want, whole int) {
	add := func(a Ask) {
		want += a.Want + a.More
		if a.Whole && whole == 0 {
			whole = a.Want
		}
	}
	for _, w := range l.waiting {
		add(w.ask)
	}
	for began, r := range l.returning {
		if now.After(r.until) {
			delete(l.returning, began)
			continue
		}
		add(r.Ask)
	}
	n, _ := l.inHand()
	return max(0, min(want-n, mostWanted)), whole
}

// inHand is how many messages have slots that nobody has yet, and when those end.
func (l *lane) inHand() (n int, ends time.Time) {
	for _, s := range l.slots {
		n += s.n
		ends = s.end()
	}
	return n, ends
}

// serve gives those who wait their pieces of the slots, each when it is soon due,
// and notes when the next piece is. Single messages are kept until then, so that the
// oldest batch gets them all: the batches end one after the other, and not all at
// once.
func (s *Sender) serve(l *lane, now time.Time) {
	s.dropLate(l, now)
	l.next = time.Time{}
	for len(l.waiting) > 0 && len(l.slots) > 0 {
		w, first := l.waiting[0], &l.slots[0]
		if due := first.start.Add(-s.lead.get()); !first.whole && due.After(now) {
			l.next = due
			return
		}
		g := s.piece(l, w.ask)
		s.sent.add(g.N)
		w.got <- g
		l.waiting = l.waiting[1:]
		if rest := w.ask; rest.Want+rest.More > g.N {
			rest.Want, rest.More = min(rest.Want, rest.Want+rest.More-g.N), max(0, rest.More-g.N)
			l.returning[rest.Since] = comeback{rest, g.due(g.N - 1).Add(s.lead.get() + 2*s.lead.piece())}
		}
	}
	if len(l.slots) > 0 {
		l.next = l.slots[0].start.Add(tolerance) // to be dropped, if nobody comes
	}
}

// piece cuts off what one batch gets now. What a whole submission leaves of its
// slot goes to another at the same time, but not where requests are counted.
func (s *Sender) piece(l *lane, ask Ask) *Grant {
	first := &l.slots[0]
	g := &Grant{s: s, bucket: first.bucket}
	switch {
	case first.whole != ask.Whole:
		g.N, g.times = 1, first.cut(1)
		if first.whole && s.answer.head.Requests > 0 {
			s.refund(first.bucket, first.n)
			first.n = 0
		}
	case first.whole:
		g.N = min(ask.Want, first.n)
		g.times = first.cut(g.N)
		if s.answer.head.Requests > 0 {
			s.refund(first.bucket, first.n)
			first.n = 0
		}
	default:
		last := first.start.Add(s.lead.piece())
		for len(l.slots) > 0 && g.N < ask.Want {
			p := &l.slots[0]
			if g.N > 0 && (p.whole || p.bucket != g.bucket || p.start.After(last)) {
				break
			}
			n := min(ask.Want-g.N, p.n)
			if p.step > 0 {
				n = min(n, max(1, int((last.Sub(p.start)+p.step-1)/p.step))) // at least that stretch
			}
			g.times = append(g.times, p.cut(n)...)
			g.N += n
			if p.n > 0 {
				break
			}
			l.slots = l.slots[1:]
		}
		return g
	}
	if first.n == 0 {
		l.slots = l.slots[1:]
	}
	return g
}

// dropLate drops the slots whose time has passed, also of campaigns that ask no
// more.
func (s *Sender) dropLate(l *lane, now time.Time) {
	for len(l.slots) > 0 {
		p := &l.slots[0]
		n := p.late(now)
		if n == 0 {
			return
		}
		s.refund(p.bucket, n)
		p.n, p.start = p.n-n, p.start.Add(time.Duration(n)*p.step)
		if p.n > 0 {
			return
		}
		l.slots = l.slots[1:]
	}
}

// refund returns messages that nobody will use to their bucket of the day; 0 is
// none. The caller holds the lock.
func (s *Sender) refund(bucket int64, n int) {
	if bucket > 0 && n > 0 {
		s.refunds[bucket] += n
	}
}

// refundAll drops every slot that nobody has taken. The caller holds the lock.
func (s *Sender) refundAll() {
	for _, l := range s.lanes {
		for _, p := range l.slots {
			s.refund(p.bucket, p.n)
		}
		l.slots = nil
	}
}
