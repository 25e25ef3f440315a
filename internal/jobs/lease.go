package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/ledger"
)

// leaseStill is how long a task's lease stands still until whoever has the task
// is taken to be gone. Asynq renews a lease every 5 seconds, and takes a task
// back one to two minutes after the last time.
const leaseStill = 11 * time.Second

// A lease is that of one task as a worker has seen it. It goes by changes and
// not by the time it names, which is that of another machine's clock.
type lease struct {
	until float64
	since time.Time // when it was first seen so
	taken bool      // its batch has been taken over here
}

// unrenewed takes over the batches of tasks whose leases stand still. Most are
// in other hands already, or done; left are those whose worker died between the
// queue and the ledger: before it had claimed the batch, or after it had given
// it back. It costs one command.
func (w *Worker) unrenewed(ctx context.Context, s *sending) error {
	seen, err := w.Redis.ZRangeWithScores(ctx, "asynq:{"+s.id+"}:lease", 0, -1).Result()
	if err != nil {
		return fmt.Errorf("looking at the leases of %s: %w", s.id, err)
	}
	s.renewals(seen, w.now(), func(n int) bool { return s.takeOver(ledger.Orphan{Batch: n}) })
	return nil
}

// renewals compares the leases with those seen before, and has each batch taken
// whose lease has stood still, until that succeeds.
func (s *sending) renewals(seen []redis.Z, now time.Time, take func(batch int) bool) {
	was := s.leases
	s.leases = make(map[string]lease, len(seen))
	for _, z := range seen {
		id, _ := z.Member.(string)
		l, known := was[id]
		if !known || l.until != z.Score {
			l = lease{until: z.Score, since: now}
		}
		if n, ok := batchOf(id); ok && !l.taken && now.Sub(l.since) >= leaseStill {
			l.taken = take(n)
		}
		s.leases[id] = l
	}
}
