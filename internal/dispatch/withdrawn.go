package dispatch

import "sync"

// missed are the recipients of a pass whose submissions were withdrawn, mostly
// because their slots had passed.
type missed struct {
	undecided sync.WaitGroup // units that were begun and neither submitted nor withdrawn yet

	mu      sync.Mutex
	indexes map[int]bool
}

func (m *missed) add(indexes []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.indexes == nil {
		m.indexes = map[int]bool{}
	}
	for _, i := range indexes {
		m.indexes[i] = true
	}
}

// again are the units of this pass that were withdrawn. They need not wait for the
// others' answers, which may take long: the last few of a campaign would.
func (r *batchRun) again() ([][]int, error) {
	r.missed.undecided.Wait()
	r.missed.mu.Lock()
	missed := r.missed.indexes
	r.missed.indexes = nil
	r.missed.mu.Unlock()
	if breaker := r.d.sender.breaker; len(missed) == 0 || breaker.holds() || breaker.probing() {
		return nil, nil // while the provider is probed, each pass waits for the probe
	}
	if err := r.committer.commit(); err != nil {
		return nil, err
	}
	var ready []int
	for i, p := range r.claim.Pending() {
		if missed[i] {
			r.before[i] = pastOf(p)
			ready = append(ready, i)
		}
	}
	r.allow.suppressed = 0 // the list may have changed since they were asked
	return r.d.group(r.claim.Recipients, r.before, ready), nil
}
