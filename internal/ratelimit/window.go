package ratelimit

import (
	"cmp"
	"math"
	"slices"
)

// An event is what was handed out and still matters: n messages from a time on,
// a step apart, or all at once.
type event struct {
	at   int64
	n    int
	step float64
}

// A window is the messages of the second before a time that only moves on. Where
// submissions carry many messages it is what keeps a second within the limit;
// single ones are far enough apart by themselves.
type window struct {
	single, whole part
	// all are the events for the plans to come.
	allSingle, allWhole []event
}

// A part is the events of one kind, and how far they have left the window.
type part struct {
	events []event
	stays  int64
	gone   int // of the first event's messages
	sum    int
}

// newWindow is that of what went out after a time.
func newWindow(s *Schedule, after int64) *window {
	w := &window{}
	w.single.stays, w.whole.stays = second, second+guard
	for _, e := range s.singles {
		if e.end() > after {
			w.single.add(e)
		}
	}
	for _, e := range s.wholes {
		if e.at > after {
			w.whole.add(e)
		}
	}
	w.allSingle, w.allWhole = slices.Clone(w.single.events), slices.Clone(w.whole.events)
	return w
}

// end is when the last message is due.
func (e event) end() int64 { return e.at + int64(math.Ceil(float64(e.n-1)*e.step)) }

func (p *part) add(e event) {
	p.events = append(p.events, e)
	p.sum += e.n
}

// leaves is when the next message leaves the window.
func (p *part) leaves() int64 {
	if len(p.events) == 0 {
		return math.MaxInt64
	}
	e := p.events[0]
	return e.at + int64(math.Ceil(float64(p.gone)*e.step)) + p.stays
}

// leave has whatever is a second old at a time leave the window.
func (p *part) leave(at int64) {
	for p.leaves() <= at {
		e := p.events[0]
		n := e.n - p.gone
		if e.step > 0 {
			n = min(n, 1+int(float64(at-p.leaves())/e.step))
		}
		p.gone, p.sum = p.gone+n, p.sum-n
		if p.gone == e.n {
			p.events, p.gone = p.events[1:], 0
		}
	}
}

// wholes says that the window is needed.
func (w *window) wholes() bool { return len(w.whole.events) > 0 }

// place is when n messages may go out at once, not before at. Of a whole submission
// fewer go where half of it has room much sooner than all: so what is cut off one
// leaves no hole.
func (w *window) place(at int64, n int, whole bool, limit float64) (int64, int) {
	if limit == 0 || float64(n) > limit || !whole && !w.wholes() {
		return at, n
	}
	if k := len(w.whole.events) - 1; whole && k >= 0 {
		last := w.whole.events[k]
		at = max(at, last.at+int64(math.Ceil(float64(last.n)/limit*second)))
	}
	half, room, then := int64(0), 0, *w
	for {
		w.single.leave(at)
		w.whole.leave(at)
		free := int(limit+0.001) - w.single.sum - w.whole.sum
		if free >= n {
			break
		}
		if room == 0 && whole && 2*free >= n {
			half, room, then = at, free, *w
		}
		at = max(at+1, min(w.single.leaves(), w.whole.leaves()))
	}
	if room > 0 && float64(at-half) > 1.5*float64(n-room)/limit*second {
		*w = then
		return half, room
	}
	return at, n
}

// add enters a slot; single messages that go on as before are one event.
func (w *window) add(s Slot) {
	if s.Whole {
		w.whole.add(event{s.At, s.N, 0})
		w.allWhole = append(w.allWhole, event{s.At, s.N, 0})
		return
	}
	e := event{s.At, s.N, s.Step}
	w.allSingle = extend(w.allSingle, e)
	w.single.add(e)
}

// extend adds an event to others, or to the last of them if it goes on like it.
func extend(events []event, e event) []event {
	if k := len(events) - 1; k >= 0 {
		last := &events[k]
		if off := float64(e.at-last.at) - float64(last.n)*last.step; last.step == e.step && e.step > 0 && off >= -1 && off <= 2 {
			last.n += e.n
			return events
		}
	}
	return append(events, e)
}

// store keeps what still matters for the next plan, in its order.
func (w *window) store(s *Schedule) {
	slices.SortStableFunc(w.allSingle, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	s.singles, s.wholes = nil, w.allWhole
	for _, e := range w.allSingle {
		s.singles = extend(s.singles, e)
	}
}
