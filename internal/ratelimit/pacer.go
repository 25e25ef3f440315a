package ratelimit

import (
	"context"
	"strconv"
	"time"
)

// pace is the sender's goroutine: it hands slots out, asks for more while
// somebody waits, and shows each second that this worker takes part.
func (s *Sender) pace() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-s.closed
		cancel()
	}()
	s.ask(ctx, nil)
	timer := time.NewTimer(beat)
	defer timer.Stop()
	lastBeat := time.Now()
	for ctx.Err() == nil {
		every := s.beat()
		next := lastBeat.Add(every)
		asks, soonest := s.serve()
		if !soonest.IsZero() && soonest.Before(next) {
			next = soonest
		}
		switch {
		case len(asks) > 0 && !time.Now().Before(s.notBefore()):
			s.ask(ctx, asks)
			lastBeat = time.Now()
			continue
		case len(asks) > 0 && s.notBefore().Before(next):
			next = s.notBefore()
		}
		timer.Reset(max(0, time.Until(next)))
		select {
		case <-s.wake:
		case <-timer.C:
			if time.Since(lastBeat) >= every {
				s.ask(ctx, nil)
				lastBeat = time.Now()
			}
		case <-ctx.Done():
		}
	}
	s.leave()
}

// beat is how long until this worker shows again that it takes part.
func (s *Sender) beat() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live.Live > 1 && !s.live.Settled || !s.joined && s.flight.busy() {
		return beat / 5
	}
	return beat
}

func (s *Sender) notBefore() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notYet
}

// ask asks Redis, and takes in what it says.
func (s *Sender) ask(ctx context.Context, asks []scriptA) {
	s.giveBack(ctx)
	s.mu.Lock()
	req := request{
		Worker: s.l.o.Worker, Stamp: s.lim.Stamp, MPS: s.lim.MessagesPerSecond, RPS: s.lim.RequestsPerSecond,
		Busy: len(asks) > 0 || s.flight.busy(), Day: s.lim.MessagesPerDay, Burst: s.lim.MaxBurst.Seconds(), Flight: s.lim.InFlight, Asks: asks,
		Lead: s.lead.get().Microseconds(),
	}
	was := s.live
	s.mu.Unlock()
	if req.Burst == 0 {
		req.Burst = 1
	}
	short, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	sent := time.Now()
	a, err := call(short, s.l.rdb, s.name, req)
	received := time.Now()
	if err != nil {
		s.mu.Lock()
		s.notYet = received.Add(awayPause)
		s.mu.Unlock()
		if ctx.Err() == nil {
			s.l.o.Log.Warn().Err(err).Str("sender", s.name).Msg("no slot: Redis does not answer")
		}
		return
	}
	s.clock.sample(a.Now, sent, received)
	s.mu.Lock()
	s.took = min(received.Sub(sent), maxTook)
	s.mu.Unlock()
	s.learn(a, was, asks)
	s.flight.resize(s.share(a, req.Busy))
}

// learn takes an answer in.
func (s *Sender) learn(a *answer, was answer, asks []scriptA) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = *a
	s.live.Slots = nil
	s.pauseUntil(s.clock.local(a.Now + a.Pause))
	if a.Wait > 0 {
		s.wait(a, asks)
	}
	for _, sl := range a.Slots {
		delete(s.later, sl.ID)
		start := s.clock.local(a.Now + sl.Start)
		if late := time.Since(start); late > 0 {
			s.lead.arrived(-late) // nobody may be left of it to find that out
		}
		s.parts[sl.ID] = append(s.parts[sl.ID], &Grant{
			N: sl.N, start: start, step: time.Duration(sl.Step * 1000), bucket: sl.Bucket * min(1, int64(a.Day)), s: s,
		})
	}
	if a.Conflict && !was.Conflict {
		s.l.o.Log.Warn().Str("sender", s.name).Msg("another worker has other limits for this sender in its senders file; the newest file holds")
	}
	if was.Factor < 1 && a.Factor == 1 {
		s.l.o.Log.Info().Str("sender", s.name).Msg("back at the full pace")
	}
}

// wait takes in that there is nothing yet for those who asked. Others may ask.
func (s *Sender) wait(a *answer, asks []scriptA) {
	at := s.clock.local(a.Now + a.Wait).Add(-s.took / 2) // the question is on its way so long
	if a.Why == "day" {
		// What is in hand goes out first, and some of it may come back.
		var ends time.Time
		for id := range s.parts {
			if _, end := s.inHand(id); end.After(ends) {
				ends = end
			}
		}
		if ends.Before(time.Now()) {
			s.fullUntil(at)
			return
		}
		at = ends
	}
	for _, ask := range asks {
		s.later[ask.ID] = at
	}
	if a.Why == "horizon" { // nor is there for those that have slots in hand
		for id := range s.parts {
			s.later[id] = at
		}
	}
}

// fullUntil answers those who wait when the day is used up.
func (s *Sender) fullUntil(until time.Time) {
	s.dayFull = until
	clear(s.rest)
	for _, w := range s.waiting {
		w.err = &DayFullError{Until: until}
		w.got <- nil
	}
	s.waiting = nil
}

// giveBack returns to the day what was not accepted. What cannot be returned
// stays counted: the limit is kept, not used up.
func (s *Sender) giveBack(ctx context.Context) {
	s.mu.Lock()
	back := s.back
	s.back = map[int64]int{}
	s.mu.Unlock()
	for bucket, n := range back {
		if err := s.l.rdb.HIncrBy(ctx, dayKey(s.name), strconv.FormatInt(bucket, 10), int64(-n)).Err(); err != nil {
			s.l.o.Log.Debug().Err(err).Str("sender", s.name).Msg("unused messages of the day not given back")
			continue
		}
		s.mu.Lock()
		s.dayFull = time.Time{}
		s.mu.Unlock()
	}
}

// leave takes this worker off the list, so that the others get its share.
func (s *Sender) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.mu.Lock()
	s.loseAll()
	s.mu.Unlock()
	s.giveBack(ctx)
	if err := s.l.rdb.HDel(ctx, workersKey(s.name), s.l.o.Worker).Err(); err != nil {
		s.l.o.Log.Debug().Err(err).Str("sender", s.name).Msg("left to expire")
	}
}
