package worker

import (
	"context"
	"sync/atomic"
	"time"

	"sluice/internal/dispatch"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

// An Account is a sender as this worker uses it; all its campaigns share it.
type Account struct {
	Provider sender.Provider
	Pace     *ratelimit.Sender
	InFlight int // submissions that this worker makes at once, at most
	// StopWithin is how long a stop waits for submissions in flight: longer than
	// twice the HTTP timeout, for one that is signed anew, and some seconds to
	// record the outcomes. 40 s if zero.
	StopWithin time.Duration
	// Preflight holds a message against its template again while it is sent; a
	// *sender.UnfitError halts the campaign. It may be nil.
	Preflight func(ctx context.Context, m sender.Message) error

	sender   *dispatch.Sender // what all its campaigns here share
	outdated atomic.Bool
}

// Renew has the worker open the sender anew, with the settings that it has by
// then: its campaigns stop here between two submissions and start again. It
// returns at once.
func (a *Account) Renew() { a.outdated.Store(true) }

// account is a sender by its name, opened if it is not open; nil while it is still
// open with settings that have changed.
func (w *Worker) account(name string) (*Account, error) {
	if a := w.accounts[name]; a != nil {
		if a.outdated.Load() {
			return nil, nil
		}
		return a, nil
	}
	a, err := w.Account(name)
	if err != nil {
		return nil, err
	}
	a.sender = dispatch.NewSender(name, a.Provider, a.Pace, a.InFlight, w.Now, w.Log)
	w.accounts[name] = a
	return a, nil
}

// closeOutdated closes the senders whose settings have changed, once the last of
// their campaigns has stopped here. The next campaign opens them anew.
func (w *Worker) closeOutdated() {
	used := map[*Account]bool{}
	for _, c := range w.campaigns {
		if c.server != nil {
			used[c.server.account] = true
		}
	}
	for name, a := range w.accounts {
		if a.outdated.Load() && !used[a] {
			a.sender.Close()
			delete(w.accounts, name)
		}
	}
}
