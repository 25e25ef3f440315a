// Package ratelimit is the pace that all workers share. A sender's limit is a
// sequence of time slots on Redis' own clock; each slot is handed to one worker,
// so that in any window of one second the slots hold at most the limit, whatever
// the number of workers and campaigns. Whichever worker runs short of slots plans
// the next ones for all. A slot that is reached late is lost, and without a slot
// nothing goes out.
package ratelimit

import (
	"cmp"
	"fmt"
	"time"
)

// Limits bound a sender. Zero means none.
type Limits struct {
	MessagesPerSecond float64
	RequestsPerSecond float64
	// InFlight is submissions that are unanswered, over all workers. Each worker
	// has an equal share, of at least one.
	InFlight int
	// MessagesPerDay is accepted messages in any 24 hours.
	MessagesPerDay int
	// MaxBurst is how long a stretch of the limit one submission may use up that
	// carries many messages; 1 s if zero.
	MaxBurst time.Duration
	// MaxPause is the longest pause that a provider's Retry-After is obeyed with;
	// 15 minutes if zero.
	MaxPause time.Duration
	// Stamp is how new these limits are; the newest that any worker knows hold.
	Stamp int64
}

func (l Limits) maxPause() time.Duration { return cmp.Or(l.MaxPause, longestPause) }

// An Ask is one batch's wish for messages.
type Ask struct {
	Campaign  string
	Weight    int     // of the campaign among those of its sender, from 1
	PerSecond float64 // the campaign's own limit; 0: none
	Want      int     // messages of this grant, at least one
	More      int     // messages that the batch has beside these
	// Whole means that all messages of the grant go out at one instant, in one
	// submission.
	Whole bool
	// Since is when the batch began. Of a campaign's batches the oldest goes
	// first: then they end one after the other, and while one waits for its last
	// answers the others go on.
	Since time.Time
}

// A DayFullError means that the sender's messages of 24 hours are used up.
type DayFullError struct{ Until time.Time }

// Error says until when.
func (e *DayFullError) Error() string {
	return fmt.Sprintf("the sender's messages for 24 hours are used up until %s", e.Until.UTC().Format(time.RFC3339))
}
