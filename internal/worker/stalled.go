package worker

import (
	"context"
	"time"

	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// stalledAfter is how long a task's lease stands still until whoever has the task
// is taken to be gone. Asynq renews a lease every 5 seconds, and takes a task
// back one to two minutes after the last time.
const stalledAfter = 11 * time.Second

// A lease is that of one task as a worker has seen it. It goes by changes and
// not by the time it names, which is that of another machine's clock.
type lease struct {
	until float64
	since time.Time // when it was first seen so
	taken bool      // its batch has been taken over here
}

// takeStalledTasks takes over the batches of tasks whose leases stand still. Most are
// in other hands already, or done; left are those whose worker died between the
// queue and the ledger: before it had claimed the batch, or after it had given
// it back.
func (w *Worker) takeStalledTasks(ctx context.Context, ids []string, now time.Time) error {
	seen, err := w.queue.Leases(ctx, ids...)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c := w.campaigns[id]
		c.leases = stalled(c.leases, seen[id], now, func(n int) bool { return w.takeOver(ctx, c, ledger.Orphan{Batch: n}) })
	}
	return nil
}

// stalled compares the leases with those seen before, and has each batch taken
// whose lease has stood still, until that succeeds. It returns what is known now.
func stalled(was map[string]lease, seen []jobs.Lease, now time.Time, take func(batch int) bool) map[string]lease {
	known := make(map[string]lease, len(seen))
	for _, z := range seen {
		l, before := was[z.Task]
		if !before || l.until != z.Until {
			l = lease{until: z.Until, since: now}
		}
		if z.Batch >= 0 && !l.taken && now.Sub(l.since) >= stalledAfter {
			l.taken = take(z.Batch)
		}
		known[z.Task] = l
	}
	return known
}
