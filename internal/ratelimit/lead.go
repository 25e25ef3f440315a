package ratelimit

import (
	"sync/atomic"
	"time"
)

const (
	// minLead is how long before its first message a grant is handed out: enough
	// to write the intent to a Redis that is near.
	minLead = 25 * time.Millisecond
	// maxLead bounds it for one that is slow or far.
	maxLead = time.Second
	// growEvery is how often it grows at most.
	growEvery = 250 * time.Millisecond
	// minPiece is the stretch of a slot that one grant covers.
	minPiece = 25 * time.Millisecond
)

// A lead is how long before a slot its worker must have it: long enough for two
// round trips to Redis, for an intent may wait for outcomes that are being written.
// It grows when slots are reached late, for else a worker with a slow Redis would
// never reach one, and shrinks while they are reached early.
type lead struct {
	trip  atomic.Int64 // a round trip
	extra atomic.Int64
	grown atomic.Int64 // when it grew last, so that one delay counts once
}

func (l *lead) get() time.Duration {
	return min(maxLead, minLead+time.Duration(2*l.trip.Load()+l.extra.Load()))
}

// piece is the stretch of a slot for one grant: longer than it takes to write the
// intent for the next one, so that intents keep up.
func (l *lead) piece() time.Duration { return max(minPiece, l.get()*3/4) }

// answered says how long Redis took to answer. One slow answer does not count much.
func (l *lead) answered(trip time.Duration) {
	was := l.trip.Load()
	if was > 0 && int64(trip) > was {
		trip = time.Duration(was + (int64(trip)-was)/8)
	}
	l.trip.Store(int64(trip))
}

// arrived says how early a worker was for the first message of a grant; late if
// negative.
func (l *lead) arrived(early time.Duration) {
	now := l.extra.Load()
	switch {
	case early < 0:
		last, at := l.grown.Load(), time.Now().UnixNano()
		if at-last < int64(growEvery) || !l.grown.CompareAndSwap(last, at) {
			return
		}
		l.extra.CompareAndSwap(now, min(2*now+int64(10*time.Millisecond), int64(maxLead-minLead)))
	case early > l.get()/2 && now > 0:
		l.extra.CompareAndSwap(now, now-now/16-1)
	}
}
