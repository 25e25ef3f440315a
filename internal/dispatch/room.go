package dispatch

import (
	"context"
	"sync"
	"time"
)

// turnGap is how soon after one intent the next is written where places stand
// empty and few may be begun. A few more come meanwhile, and each script is for
// several.
const turnGap = time.Millisecond

// turnTime is how long a script may take until more are begun with each: with a Redis
// that is slow or far, the few that are ahead would leave places empty.
const turnTime = 2 * time.Millisecond

// A room bounds what a crash may leave in doubt: a sender's submissions that have an
// intent on record and no outcome are a quarter more than may be in flight, at most.
// So many may be ahead, begun and not gone out yet, for whichever place gets free
// while outcomes are being recorded. Of a campaign's batches the oldest begins alone,
// until it has nobody left; campaigns share by their weight.
type room struct {
	places func() int // that may be in flight just now

	mu    sync.Mutex
	begun int           // on record, or about to be, without an outcome there
	ahead int           // of those, not gone out
	ended int           // of those, done with
	took  time.Duration // a script, of late
	seats []*seat
}

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

func newRoom(places func() int) *room { return &room{places: places} }

// size is how many may be begun at once, and be ahead; and how many make a turn.
func (r *room) size() (begun, ahead, turn int) {
	n := r.places()
	ahead = max(1, n/4)
	return n + n/4, ahead, max(1, ahead*3/4)
}

func (r *room) enter(campaign string, weight int, since time.Time, settles, runsDry func()) *seat {
	s := &seat{room: r, campaign: campaign, weight: weight, since: since, wake: make(chan struct{}, 1), settles: settles, runsDry: runsDry}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seats = append(r.seats, s)
	return s
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

// begunAll is called with the lock held when a seat has nobody left to begin.
func (r *room) begunAll(s *seat) {
	r.poke()
	others := 0
	for _, o := range r.seats {
		if o.campaign == s.campaign && o.left > 0 {
			others++
		}
	}
	if others < 2 {
		s.runsDry()
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

// wrote says how long a script took.
func (r *room) wrote(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took += (took - r.took) / 8
}

// poke wakes those who may begin now. The caller holds the lock.
func (r *room) poke() {
	for _, s := range r.seats {
		if s.want > 0 || s.ended > 0 {
			r.nudge(s)
		}
	}
}

// nudge wakes a seat if it may begin now, or is to record. The caller holds the lock.
func (r *room) nudge(s *seat) {
	_, _, turn := r.size()
	if s.want == 0 {
		if s.left == 0 && s.ended >= turn {
			s.settles()
		}
		return
	}
	if n := r.may(s); n >= min(s.want, turn) || n > 0 && r.ahead == 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// may is how many units a seat may begin now. The caller holds the lock.
func (r *room) may(s *seat) int {
	begun, ahead, _ := r.size()
	if r.took > turnTime { // up to the places that are empty
		empty := r.places() - (r.begun - r.ahead - r.ended)
		ahead = max(ahead, min(int(int64(ahead)*int64(r.took)/int64(turnTime)), empty))
	}
	n := min(begun-r.begun+s.ended, ahead-r.ahead)
	if n <= 0 {
		return 0
	}
	others := false
	for _, o := range r.seats {
		switch {
		case o.campaign != s.campaign:
			others = others || o.want > 0
		case o != s && o.left > 0 && o.since.Before(s.since):
			return 0
		}
	}
	if others {
		n = min(n, r.share(s, begun))
	}
	return max(0, n)
}

// share is how many more a seat may begin while other campaigns wait. The caller
// holds the lock.
func (r *room) share(s *seat, begun int) int {
	weights, mine := map[string]int{s.campaign: s.weight}, 0
	for _, o := range r.seats {
		if o.campaign == s.campaign {
			mine += o.held - o.ended
		}
		if o.left+o.held > 0 {
			weights[o.campaign] = o.weight
		}
	}
	all := 0
	for _, w := range weights {
		all += w
	}
	return max(1, begun*s.weight/max(1, all)) - mine
}
