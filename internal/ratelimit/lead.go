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

// A lead is how long before a slot its worker must have it. It grows when slots
// are reached late, for else a worker with a slow Redis would never reach one,
// and shrinks while they are reached early.
type lead struct {
	extra atomic.Int64
	grown atomic.Int64 // when it grew last, so that one delay counts once
}

func (l *lead) get() time.Duration { return minLead + time.Duration(l.extra.Load()) }

// piece is the stretch of a slot for one grant: long enough that the intents
// keep up.
func (l *lead) piece() time.Duration { return max(minPiece, l.get()/2) }

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
