package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/faultpoint"
	"sluice/internal/ledger"
)

const (
	// commitEvery is how long an outcome waits at most for its group commit,
	// and so what a crash may cost in outcomes that nobody knows any more.
	commitEvery = 20 * time.Millisecond
	// commitSize is the outcomes of one group commit.
	commitSize = 256
	// commitWithin is how long an outcome is tried to be recorded while Redis
	// is away. An outcome is a fact that only this process knows.
	commitWithin = 5 * time.Minute
)

// A committer holds the outcomes of a batch until their group commit: by size, by
// time, and once more at the end, with a context that is alive.
type committer struct {
	claim *ledger.Claim
	// submitting counts those that may still add something.
	submitting sync.WaitGroup

	committing sync.Mutex // one commit at a time, so that none is half done after it

	mu        sync.Mutex
	outcomes  []ledger.Settlement
	withdrawn []int
	full      chan struct{} // an outcome has made a commit due by size
	done      chan struct{}
	committed chan error // the committer's end
	// reopened is told when a commit has brought back recipients of a batch that
	// had been done with.
	reopened func(context.Context) error
}

func newCommitter(claim *ledger.Claim, reopened func(context.Context) error) *committer {
	return &committer{claim: claim, reopened: reopened, full: make(chan struct{}, 1)}
}

// start starts it for one pass.
func (c *committer) start() {
	c.done, c.committed = make(chan struct{}), make(chan error, 1)
	go func() { c.committed <- c.commitLoop() }()
}

// stop commits what is left and returns the first error of the pass. Nothing may
// be added any more.
func (c *committer) stop() error {
	close(c.done)
	return <-c.committed
}

func (c *committer) addOutcome(st ledger.Settlement) {
	c.mu.Lock()
	c.outcomes = append(c.outcomes, st)
	full := len(c.outcomes) >= commitSize
	c.mu.Unlock()
	if full {
		select {
		case c.full <- struct{}{}:
		default:
		}
	}
}

func (c *committer) addWithdrawal(indexes []int) {
	c.mu.Lock()
	c.withdrawn = append(c.withdrawn, indexes...)
	c.mu.Unlock()
}

func (c *committer) commitLoop() error {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for {
		select {
		case <-tick.C:
			note(c.commit())
		case <-c.full:
			note(c.commit())
		case <-c.done:
			note(c.commit())
			return first
		}
	}
}

// commit records what was added since the last commit. It does not use
// the task's context: that the queue has given the task up does not make the
// outcomes less true.
func (c *committer) commit() error {
	c.committing.Lock()
	defer c.committing.Unlock()
	c.mu.Lock()
	outcomes, withdrawn := c.outcomes, c.withdrawn
	c.outcomes, c.withdrawn = nil, nil
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), commitWithin)
	defer cancel()
	if len(outcomes) > 0 {
		faultpoint.At(faultpoint.BeforeSettle)
		reopened, err := c.claim.Settle(ctx, outcomes)
		if err != nil {
			return err
		}
		faultpoint.At(faultpoint.AfterSettle)
		if reopened {
			if err := c.reopened(ctx); err != nil {
				return err
			}
		}
	}
	if len(withdrawn) == 0 {
		return nil
	}
	err := c.claim.Withdraw(ctx, withdrawn)
	if errors.Is(err, ledger.ErrStale) {
		return nil // whoever has the batch now holds them for in doubt
	}
	return err
}
