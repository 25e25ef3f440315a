package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// An Orphan is a batch that a worker has claimed and not released, and whose
// worker gives no sign of life any more.
type Orphan struct {
	Batch      int
	Recipients int
	Epoch      int // of the worker's claim
	Worker     string
}

// Orphans are the batches of a campaign whose worker is gone, by their number.
func (l *Ledger) Orphans(ctx context.Context, id string) ([]Orphan, error) {
	orphans, err := l.orphans(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("looking for batches of %s whose worker is gone: %w", id, err)
	}
	return orphans, nil
}

func (l *Ledger) orphans(ctx context.Context, id string) ([]Orphan, error) {
	owners := map[int]string{}
	err := l.eachField(ctx, keys.Owners(id), func(n int, worker string) error {
		owners[n] = worker
		return nil
	})
	if err != nil {
		return nil, err
	}
	alive, err := l.alive(ctx, owners)
	if err != nil {
		return nil, err
	}
	var orphans []Orphan
	for n, worker := range owners {
		if alive[worker] {
			continue
		}
		o := Orphan{Batch: n, Worker: worker}
		field := strconv.Itoa(n)
		if o.Epoch, err = l.rdb.HGet(ctx, keys.Claims(id), field).Int(); err != nil {
			return nil, err
		}
		text, err := l.rdb.HGet(ctx, keys.Batches(id), field).Result()
		if err != nil {
			return nil, err
		}
		s, err := decodeStaged(n, text)
		if err != nil {
			return nil, err
		}
		o.Recipients = s.Recipients
		orphans = append(orphans, o)
	}
	slices.SortFunc(orphans, func(a, b Orphan) int { return cmp.Compare(a.Batch, b.Batch) })
	return orphans, nil
}

// Reclaim puts in doubt what workers that are gone had in flight, whatever the
// campaign's state, and gives their batches back. It returns those batches, by
// their number; the ones among them that are Open need tasks.
func (l *Ledger) Reclaim(ctx context.Context, id string) ([]int, error) {
	orphans, err := l.Orphans(ctx, id)
	if err != nil {
		return nil, err
	}
	var reclaimed []int
	for _, o := range orphans {
		// No worker has this name, and it begins nothing.
		c, err := l.Claim(ctx, id, o.Batch, "nobody", false)
		if errors.Is(err, ErrHeld) {
			continue // another worker was quicker
		}
		if err == nil {
			err = c.Release(ctx)
		}
		if err != nil && !errors.Is(err, ErrDone) {
			return reclaimed, err
		}
		reclaimed = append(reclaimed, o.Batch)
	}
	return reclaimed, nil
}

// ReleaseAll gives back the batches of a campaign that stand as a worker's though it has
// none of it in its hands: a claim whose answer was lost, or that could not be released.
// What was begun under them is in doubt then.
func (l *Ledger) ReleaseAll(ctx context.Context, id, worker string) error {
	var held []int
	err := l.eachField(ctx, keys.Owners(id), func(n int, owner string) error {
		if owner == worker {
			held = append(held, n)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("looking for batches of %s that %s holds: %w", id, worker, err)
	}
	for _, n := range held {
		c, err := l.Claim(ctx, id, n, worker, false) // a worker takes over its own claims
		if err == nil {
			err = c.Release(ctx)
		}
		// It is done, or another worker's by now, or it has expired.
		if err != nil && !errors.Is(err, ErrDone) && !errors.Is(err, ErrHeld) && !errors.Is(err, ErrNotStaged) {
			return err
		}
	}
	return nil
}

// alive says which of the owners give a sign of life. Their keys lie in many
// slots, so each is a command of its own.
func (l *Ledger) alive(ctx context.Context, owners map[int]string) (map[string]bool, error) {
	asked := map[string]*redis.IntCmd{}
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, worker := range owners {
			if asked[worker] == nil {
				asked[worker] = p.Exists(ctx, keys.Worker(worker))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	alive := map[string]bool{}
	for worker, cmd := range asked {
		alive[worker] = cmd.Val() > 0
	}
	return alive, nil
}

// doneSet are the numbers in the done set.
func (l *Ledger) doneSet(ctx context.Context, id string) (map[int]bool, error) {
	done := map[int]bool{}
	var cursor uint64
	for {
		members, next, err := l.rdb.SScan(ctx, keys.Done(id), cursor, "", fieldsAtOnce).Result()
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			n, err := strconv.Atoi(m)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no batch number", keys.Done(id), m)
			}
			done[n] = true
		}
		if next == 0 {
			return done, nil
		}
		cursor = next
	}
}
