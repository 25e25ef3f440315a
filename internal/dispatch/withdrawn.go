package dispatch

import "sync"

// withdrawn are the recipients of a pass whose intents were withdrawn, mostly
// because their slots had passed.
type withdrawn struct {
	// pendingDecisions are the units that were begun and neither submitted nor
	// withdrawn yet.
	pendingDecisions sync.WaitGroup

	mu      sync.Mutex
	indexes map[int]bool
}

func (w *withdrawn) add(indexes []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.indexes == nil {
		w.indexes = map[int]bool{}
	}
	for _, i := range indexes {
		w.indexes[i] = true
	}
}

// retryWithdrawn are the units of this pass that were withdrawn. They need not wait for the
// others' answers, which may take long: the last few of a campaign would.
func (r *batchRun) retryWithdrawn() [][]int {
	r.withdrawn.pendingDecisions.Wait()
	r.withdrawn.mu.Lock()
	withdrawn := r.withdrawn.indexes
	r.withdrawn.indexes = nil
	r.withdrawn.mu.Unlock()
	if breaker := r.d.sender.breaker; len(withdrawn) == 0 || breaker.holds() || breaker.probing() {
		return nil // while the provider is probed, each pass waits for the probe
	}
	r.committer.commit()
	var ready []int
	for i, p := range r.claim.Pending() {
		if withdrawn[i] {
			r.historyAtPassStart[i] = historyOf(p)
			ready = append(ready, i)
		}
	}
	r.eligibility.suppressionVersion = 0 // the list may have changed since they were asked
	return r.d.group(r.claim.Recipients, r.historyAtPassStart, ready)
}
