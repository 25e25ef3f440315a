package dispatch

import (
	"context"
	"time"
)

// A seat is a batch's part of the room.
type seat struct {
	room     *room
	campaign string
	weight   int
	since    time.Time
	wake     chan struct{}

	// All of these are guarded by the room.
	left    int // units that are to be begun
	want    int // units that it waits for leave to begin
	held    int // that count in the room's begun
	ended   int // of those, done with, whose record is to follow
	turned  time.Time
	settles func() // told once records are due and nothing is to be begun with them
	runsDry func() // told when the campaign has less than two batches with somebody left
}

// leave gives back whatever the seat still holds.
func (s *seat) leave() {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, o := range r.seats {
		if o == s {
			r.seats = append(r.seats[:i], r.seats[i+1:]...)
			break
		}
	}
	r.begun -= s.held
	r.ended -= s.ended
	s.held, s.ended, s.left = 0, 0, 0
	r.poke()
}

// expect says how many units are to be begun yet.
func (s *seat) expect(left int) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	was := s.left
	s.left = left
	if left == 0 && was > 0 {
		r.begunAll(s)
	}
}

// take waits until so many units may be begun that a script is worth it, and says
// how many. Outcomes that wait for their record make room: they go with the same
// script.
func (s *seat) take(ctx context.Context, want int) (int, error) {
	r := s.room
	r.mu.Lock()
	s.want = want
	for ctx.Err() == nil {
		n := r.may(s)
		_, _, turn := r.size()
		wait := time.Duration(-1)
		if n > 0 && n < min(want, turn) && r.ahead == 0 {
			wait = max(0, turnGap-time.Since(s.turned))
		}
		if n >= min(want, turn) || wait == 0 {
			n = min(n, want)
			s.hold(n)
			s.left -= min(s.left, n)
			s.want, s.turned = 0, time.Now()
			if s.left == 0 {
				r.begunAll(s)
			}
			r.mu.Unlock()
			return n, nil
		}
		r.mu.Unlock()
		s.await(ctx, wait)
		r.mu.Lock()
	}
	s.want = 0
	r.mu.Unlock()
	return 0, ctx.Err()
}

// await waits for a change, or for a time if that is not negative.
func (s *seat) await(ctx context.Context, wait time.Duration) {
	var timeout <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-s.wake:
	case <-timeout:
	case <-ctx.Done():
	}
}

// try takes room for up to n units that have their slots and places, at least one if
// there is any.
func (s *seat) try(n int) int {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	begun, _, _ := r.size()
	n = max(0, min(n, begun-r.begun+s.ended))
	s.hold(n)
	return n
}

// hold counts n more as begun. The caller holds the lock.
func (s *seat) hold(n int) {
	s.held += n
	s.room.begun += n
	s.room.ahead += n
}

// giveUp takes units back that were not begun after all.
func (s *seat) giveUp(n int) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	s.held -= n
	r.begun -= n
	r.ahead -= n
	r.poke()
}

// out says that a unit is ahead no more: it goes out, or will not.
func (s *seat) out(n int) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead -= n
	r.poke()
}

// end says that units are done with, and their record is to follow.
func (s *seat) end(n int) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	s.ended += n
	r.ended += n
	r.nudge(s)
}

// recorded says that units' ends are on record.
func (s *seat) recorded(n int) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	s.held -= n
	s.ended -= n
	r.ended -= n
	r.begun -= n
	r.poke()
}
