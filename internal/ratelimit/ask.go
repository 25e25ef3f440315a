package ratelimit

import (
	"context"
	"time"
)

const (
	// beatEvery is how often a worker shows at least that it takes part, and learns
	// how many do.
	beatEvery = time.Second
	// askGap is how soon after a question the next one follows at most.
	askGap = 15 * time.Millisecond
	// askWithin bounds one question to Redis. A slow answer's slot is late anyway.
	askWithin = 5 * time.Second
	// maxRTT bounds how much earlier slots are asked for from a slow Redis.
	maxRTT = 250 * time.Millisecond
	// backoff is how long Redis is left alone after it did not answer.
	backoff = 200 * time.Millisecond
	// planFor is how much time one plan hands out slots for, and slack what a busy
	// machine may add to each way.
	planFor = 400 * time.Millisecond
	slack   = 60 * time.Millisecond
	// comesBack is how long after the last messages of a day it is waited for those
	// among them that were not accepted.
	comesBack = time.Second
)

// A turn is this worker's place among those that share the sender: one after the
// other comes back for its slots, and the first plans for all.
type turn struct {
	reach  time.Duration // so far a plan must reach, for all to have their slots in time
	after  time.Duration // this worker comes so much later than the first
	others time.Duration // the last has its slots so much later
}

// turn is this worker's. The caller holds the lock.
func (s *Sender) turn() turn {
	before, workers := 0, 1
	for name, w := range s.answer.workers {
		if name != s.l.o.Worker && s.answer.now-w.at < gone {
			workers++
			if name < s.l.o.Worker {
				before++
			}
		}
	}
	gap := min(max(8*time.Millisecond, 2*s.rtt+4*time.Millisecond), 120*time.Millisecond/time.Duration(workers))
	all := gap * time.Duration(workers-1)
	need := s.lead.get() + 2*s.rtt
	return turn{reach: all + need + slack, after: gap * time.Duration(before), others: all + need}
}

// ask tells Redis what is wanted and takes in what it says, with a plan for all
// where there is none.
func (s *Sender) ask(ctx context.Context) {
	s.flushRefunds(ctx)
	s.mu.Lock()
	turn, was, mine := s.turn(), s.answer, settingsOf(s.lim)
	r := s.report(turn)
	s.asking, s.force, s.askedAt, s.freshAt, s.askAfter = true, false, time.Now(), time.Time{}, time.Time{}
	s.mu.Unlock()
	err := s.exchange(ctx, r, mine, turn)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = false
	if err != nil {
		s.backoffUntil, s.force = time.Now().Add(backoff), s.force || r.force
		if ctx.Err() == nil {
			s.l.o.Log.Warn().Err(err).Str("sender", s.name).Msg("no slot: Redis does not answer")
		}
	}
	s.schedule(err != nil)
	s.say(was, mine)
}

// report is what this worker tells. The caller holds the lock.
func (s *Sender) report(turn turn) report {
	now := time.Now()
	r := report{worker: s.l.o.Worker, flight: -1, reach: turn.reach.Microseconds(), fresh: !s.freshAt.IsZero(), force: s.force}
	s.order = s.order[:0]
	for id, l := range s.lanes {
		var whole int
		l.asked, whole = l.demand(now)
		switch {
		case l.asked > 0:
			r.demands = append(r.demands, Demand{Campaign: keyOf(id), Weight: l.weight, Want: l.asked, Whole: whole, PerSecond: l.perSecond})
		case len(l.waiting)+len(l.returning)+len(l.slots) == 0:
			delete(s.lanes, id)
			delete(s.ids, keyOf(id))
			continue
		}
		s.order = append(s.order, l)
	}
	s.wasBusy = len(r.demands) > 0 || s.flight.busy()
	if s.wasBusy {
		r.flight = max(s.inFlightShare, s.flight.inUse())
	}
	if r.force = r.force || s.answer.none || settingsOf(s.lim).Stamp > s.answer.head.Stamp; s.answer.now == 0 {
		r.force = true
	}
	return r
}

// exchange makes the question, and the plan where one is needed.
func (s *Sender) exchange(ctx context.Context, r report, mine settings, turn turn) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	sent := time.Now()
	a, err := s.store.beat(ctx, r)
	if err != nil {
		return err
	}
	s.learn(a, sent)
	if a.plan == nil {
		return nil
	}
	s.mu.Lock()
	p := planning{worker: r.worker, mine: mine, next: s.clock.us(s.next), jumped: s.jumped, lead: s.lead.get(), others: turn.others, ahead: turn.reach + planFor}
	s.jumped = false
	s.mu.Unlock()
	c, changed, dead, err := p.propose(a)
	if err != nil {
		return err
	}
	if !changed {
		s.mu.Lock()
		s.answer.reach = c.schedule.Reach
		s.mu.Unlock()
		return nil
	}
	sent = time.Now()
	done, err := s.store.commit(ctx, c)
	if err != nil {
		return err
	}
	done.workers = a.workers
	s.learn(done, sent)
	if len(dead) > 0 {
		return s.store.forget(ctx, dead...)
	}
	return nil
}

// learn takes an answer in.
func (s *Sender) learn(a *answer, sent time.Time) {
	received := time.Now()
	jumped := s.clock.us(received) < a.now-second
	s.clock.sample(a.now, sent, received)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jumped = s.jumped || jumped && s.answer.now > 0
	s.rtt = min(received.Sub(sent), maxRTT)
	s.lead.answered(s.rtt)
	if before, now := s.answer.head.rate(s.answer.now), a.head.rate(a.now); now < before*0.99 && s.answer.now > 0 {
		s.refundAll() // planned at a pace that no longer holds
	}
	s.answer = *a
	s.next = later(s.next, s.clock.local(a.next))
	if !s.savedAt.IsZero() && sent.After(s.savedAt) {
		s.unsaved = time.Time{}
	}
	s.paused = later(s.clock.local(a.head.Pause), s.unsaved)
	for _, plan := range a.slots {
		for _, slot := range plan.slots {
			l := s.lanes[s.ids[slot.Campaign]]
			start := s.clock.local(slot.At)
			if late := time.Since(start); late > 0 {
				s.lead.arrived(-late) // nobody may be left of it to find that out
			}
			if l == nil {
				s.refund(plan.bucket, slot.N)
				continue
			}
			l.asked -= slot.N
			handed := span{n: slot.N, start: start, step: time.Duration(slot.Step * 1000), whole: slot.Whole, bucket: plan.bucket}
			l.slots = append(l.slots, handed)
			s.handedUntil = later(s.handedUntil, handed.end())
		}
	}
	s.answer.slots, s.answer.plan, s.answer.day = nil, nil, nil
	s.flight.resize(s.share())
}

// schedule decides when to ask next. The caller holds the lock.
func (s *Sender) schedule(failed bool) {
	now := time.Now()
	turn := s.turn()
	wanted := false
	for _, l := range s.order {
		s.serve(l, now)
		if l.asked > 0 {
			wanted = true
			continue
		}
		s.hunger(l, now)
	}
	if failed {
		s.askAfter = s.backoffUntil
		return
	}
	at := s.clock.local(s.answer.reach).Add(turn.after - turn.reach)
	if full := s.clock.local(s.answer.head.DayUntil); full.After(now) && s.answer.head.dayLimit() > 0 {
		// What was handed out goes out first, and some of it comes back with its answers.
		last := s.handedUntil.Add(comesBack)
		if !last.After(now) {
			s.fullUntil(full)
			return
		}
		if at = now.Add(comesBack / 4); last.Before(at) {
			at = last
		}
	} else {
		s.dayFull = time.Time{}
	}
	if wanted {
		s.askAfter = later(at, now.Add(askGap))
	}
}

// say tells the log what is new. The caller holds the lock.
func (s *Sender) say(was answer, mine settings) {
	if h := s.answer.head; s.answer.now > 0 && h.conflicts(mine) && !was.head.conflicts(mine) && was.now > 0 {
		s.l.o.Log.Warn().Str("sender", s.name).Msg("another worker has other limits for this sender in its senders file; the newest file holds")
	}
	if was.now > 0 && was.head.now(was.now) < 1 && s.answer.head.now(s.answer.now) == 1 {
		s.l.o.Log.Info().Str("sender", s.name).Msg("back at the full pace")
	}
}

// fullUntil answers those who wait when the day is used up. The caller holds the
// lock.
func (s *Sender) fullUntil(until time.Time) {
	s.dayFull, s.freshAt, s.askAfter = until, time.Time{}, time.Time{}
	for _, l := range s.lanes {
		clear(l.returning)
		for _, w := range l.waiting {
			w.err = &DayFullError{Until: until}
			w.got <- nil
		}
		l.waiting = nil
	}
}
