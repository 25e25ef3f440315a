package dispatch

import (
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
