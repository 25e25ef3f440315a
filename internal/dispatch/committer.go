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
	// heldFor is after which time it is committed, with room for the way to Redis.
	heldFor = commitEvery * 3 / 4
	// commitWithin is how long an outcome is tried to be recorded while Redis
	// is away. An outcome is a fact that only this process knows.
	commitWithin = 5 * time.Minute
)

// A committer holds the outcomes of a batch until their group commit: with the next
// intent, by number where nobody is to be begun, by time, and once more at the end,
// with a context that is alive.
type committer struct {
	claim *ledger.Claim
	seat  *seat
	// submitting counts those that may still add something.
	submitting sync.WaitGroup

	committing sync.Mutex // one commit at a time, so that none is half done after it

	mu        sync.Mutex
	outcomes  []ledger.Settlement
	withdrawn []int
	units     int           // that these are of
	timer     *time.Timer   // runs out when the oldest of these is to be committed; a batch that waits for answers costs nothing
	due       chan struct{} // a commit is due by number
	failed    error         // what went wrong first
	done      chan struct{}
	committed sync.WaitGroup
	// reopened is told when a commit has brought back recipients of a batch that
	// had been done with.
	reopened func(context.Context) error
}

func newCommitter(claim *ledger.Claim, reopened func(context.Context) error) *committer {
	c := &committer{claim: claim, reopened: reopened, due: make(chan struct{}, 1), timer: time.NewTimer(commitEvery)}
	c.timer.Stop()
	return c
}

// start starts it for one pass.
func (c *committer) start() {
	c.done = make(chan struct{})
	c.committed.Go(c.commitLoop)
}

// stop commits what is left and returns the first error of the pass. Nothing may
// be added any more.
func (c *committer) stop() error {
	close(c.done)
	c.committed.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := c.failed
	c.failed = nil
	return failed
}

// add holds the outcomes of a unit.
func (c *committer) add(outcomes ...ledger.Settlement) {
	c.mu.Lock()
	c.wait()
	c.outcomes = append(c.outcomes, outcomes...)
	c.units++
	c.mu.Unlock()
	c.seat.end(1)
}

// addWithdrawal holds units that were begun and not submitted.
func (c *committer) addWithdrawal(units int, indexes []int) {
	c.mu.Lock()
	c.wait()
	c.withdrawn = append(c.withdrawn, indexes...)
	c.units += units
	c.mu.Unlock()
	c.seat.end(units)
}

// wait begins the time that what comes now is held for, if it is the first. The caller
// holds the lock.
func (c *committer) wait() {
	if c.units == 0 {
		c.timer.Reset(heldFor)
	}
}

// hasten has what is held committed soon.
func (c *committer) hasten() {
	select {
	case c.due <- struct{}{}:
	default:
	}
}

// holds says that something is to be committed.
func (c *committer) holds() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.units > 0
}

func (c *committer) commitLoop() {
	defer c.timer.Stop()
	for {
		select {
		case <-c.timer.C:
			if c.holds() { // else it went with an intent
				c.commit()
			}
		case <-c.due:
			c.commit()
		case <-c.done:
			c.commit()
			return
		}
	}
}

// commit records what was added since the last commit.
func (c *committer) commit() { _ = c.turn(nil) } // it has noted why not

// turn records what was added since the last commit, and the intent to submit to
// those of indexes, with one script. It returns why nobody was begun. It does not use
// the task's context: that the queue has given the task up does not make the
// outcomes less true.
func (c *committer) turn(indexes []int) (refused error) {
	c.committing.Lock()
	defer c.committing.Unlock()
	c.mu.Lock()
	outcomes, withdrawn, units := c.outcomes, c.withdrawn, c.units
	c.outcomes, c.withdrawn, c.units = nil, nil, 0
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), commitWithin)
	defer cancel()
	refused, err := c.write(ctx, outcomes, indexes)
	if err == nil {
		err = c.withdraw(ctx, withdrawn)
	}
	if err == nil {
		c.seat.recorded(units)
		return refused
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
	return refused
}

func (c *committer) write(ctx context.Context, outcomes []ledger.Settlement, indexes []int) (refused, err error) {
	if len(outcomes) > 0 {
		faultpoint.At(faultpoint.BeforeSettle)
	}
	if len(indexes) > 0 {
		faultpoint.At(faultpoint.BeforeBegin)
	}
	reopened, refused, err := c.claim.Turn(ctx, outcomes, indexes)
	if err != nil {
		return refused, err
	}
	if len(outcomes) > 0 {
		faultpoint.At(faultpoint.AfterSettle)
	}
	if len(indexes) > 0 && refused == nil {
		faultpoint.At(faultpoint.AfterBegin)
	}
	if reopened {
		err = c.reopened(ctx)
	}
	return refused, err
}

func (c *committer) withdraw(ctx context.Context, indexes []int) error {
	if len(indexes) == 0 {
		return nil
	}
	err := c.claim.Withdraw(ctx, indexes)
	if errors.Is(err, ledger.ErrStale) {
		return nil // whoever has the batch now holds them for in doubt
	}
	return err
}
