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
	// submitting counts those that may still enter something.
	submitting sync.WaitGroup

	committing sync.Mutex // one commit at a time, so that none is half done after it

	mu        sync.Mutex
	entries   []ledger.Settlement
	withdrawn []int
	full      chan struct{} // an entry has made a commit due by size
	done      chan struct{}
	committed chan error // the committer's end
	// reopened is told when a commit has brought back recipients of a batch that
	// had been done with.
	reopened func(context.Context) error
}

func newCommitter(claim *ledger.Claim, reopened func(context.Context) error) *committer {
	return &committer{claim: claim, reopened: reopened, full: make(chan struct{}, 1)}
}

// open starts the committer for one pass.
func (b *committer) open() {
	b.done, b.committed = make(chan struct{}), make(chan error, 1)
	go func() { b.committed <- b.commitLoop() }()
}

// close commits what is left and returns the first error of the pass. Nothing
// may enter any more.
func (b *committer) close() error {
	close(b.done)
	return <-b.committed
}

func (b *committer) enter(st ledger.Settlement) {
	b.mu.Lock()
	b.entries = append(b.entries, st)
	full := len(b.entries) >= commitSize
	b.mu.Unlock()
	if full {
		select {
		case b.full <- struct{}{}:
		default:
		}
	}
}

func (b *committer) withdraw(indexes []int) {
	b.mu.Lock()
	b.withdrawn = append(b.withdrawn, indexes...)
	b.mu.Unlock()
}

func (b *committer) commitLoop() error {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for {
		select {
		case <-tick.C:
			keep(b.commit())
		case <-b.full:
			keep(b.commit())
		case <-b.done:
			keep(b.commit())
			return first
		}
	}
}

// commit records what has been entered since the last commit. It does not use
// the task's context: that the queue has given the task up does not make the
// outcomes less true.
func (b *committer) commit() error {
	b.committing.Lock()
	defer b.committing.Unlock()
	b.mu.Lock()
	entries, withdrawn := b.entries, b.withdrawn
	b.entries, b.withdrawn = nil, nil
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), commitWithin)
	defer cancel()
	if len(entries) > 0 {
		faultpoint.At(faultpoint.BeforeSettle)
		reopened, err := b.claim.Settle(ctx, entries)
		if err != nil {
			return err
		}
		faultpoint.At(faultpoint.AfterSettle)
		if reopened {
			if err := b.reopened(ctx); err != nil {
				return err
			}
		}
	}
	if len(withdrawn) == 0 {
		return nil
	}
	err := b.claim.Withdraw(ctx, withdrawn)
	if errors.Is(err, ledger.ErrStale) {
		return nil // whoever has the batch now holds them for in doubt
	}
	return err
}
