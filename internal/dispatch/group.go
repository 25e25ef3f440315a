package dispatch

import (
	"slices"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// group cuts the recipients of ready into units that share a submission. A
// provider may want some alone, by how they ended before.
func (d *Dispatcher) group(recipients []recipient, histories []history, ready []int) [][]int {
	if d.submitter.MaxRecipients() == 1 {
		units := make([][]int, len(ready))
		for k := range ready {
			units[k] = ready[k : k+1 : k+1]
		}
		return units
	}
	at := map[string]int{}
	var units [][]int
	for _, i := range ready {
		if d.submitter.Alone(histories[i].code) {
			units = append(units, []int{i})
			continue
		}
		key := d.submitter.Key(&recipients[i])
		u, ok := at[key]
		if !ok || len(units[u]) == d.submitter.MaxRecipients() {
			u, units = len(units), append(units, nil)
			at[key] = u
		}
		units[u] = append(units[u], i)
	}
	// Those that go alone first, so that they make whole chunks.
	slices.SortStableFunc(units, func(a, b []int) int { return min(len(a), 2) - min(len(b), 2) })
	return units
}

// dueAt is when a pending recipient may be submitted next.
func (d *Dispatcher) dueAt(n, i int, p ledger.Pending) time.Time {
	switch {
	case p.Tries == 0 || p.Time.IsZero():
		return time.Time{}
	case p.Pair:
		return p.Time.Add(pairDelay(p.Tries - 1))
	case p.Free, p.Outcome == sender.Throttled && p.Code.Outage():
		return p.Time.Add(d.host.Backoff.after(1, jitter(d.id, n, i, p.Tries)))
	case p.Outcome == sender.Failed || p.Outcome == sender.Unknown:
		return p.Time.Add(d.host.Backoff.after(max(p.Attempts, 1), jitter(d.id, n, i, p.Tries)))
	}
	return time.Time{}
}
