package jobs

import (
	"context"
	"sync/atomic"
	"time"

	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

// An Account is a sender as this worker uses it; all its campaigns share it.
type Account struct {
	Provider sender.Provider
	Label    string // the sender's name, for metrics
	Pace     *ratelimit.Sender
	InFlight int // submissions that this worker makes at once, at most
	// StopWithin is how long a stop waits for submissions in flight: longer than
	// twice the HTTP timeout, for one that is signed anew, and some seconds to
	// record the outcomes. 40 s if zero.
	StopWithin time.Duration
	// Preflight holds a message against its template again while it is sent; a
	// *sender.UnfitError halts the campaign. It may be nil.
	Preflight func(ctx context.Context, m sender.Message) error

	breaker  *breaker
	pool     *pool
	outdated atomic.Bool
}

// Renew has the worker open the sender anew, with the settings that it has by
// then: its campaigns stop here between two submissions and start again. It
// returns at once.
func (a *Account) Renew() { a.outdated.Store(true) }

// close ends an account that no campaign uses here.
func (a *Account) close() {
	a.pool.stop()
	a.Pace.Close()
}
