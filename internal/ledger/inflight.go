package ledger

import (
	"context"
	"fmt"

	"sluice/internal/keys"
)

// Owned is how many batches of a campaign are claimed and not released, by workers
// that live or are gone. Without any, nothing is in flight.
func (l *Ledger) Owned(ctx context.Context, id string) (int, error) {
	n, err := l.rdb.HLen(ctx, keys.Owners(id)).Result()
	if err != nil {
		return 0, fmt.Errorf("counting the claims of %s: %w", id, err)
	}
	return int(n), nil
}

// InFlight is how many recipients of a campaign are in flight. Totals count them as
// pending. It reads the journals of the batches that are claimed.
func (l *Ledger) InFlight(ctx context.Context, id string) (int, error) {
	n, err := l.inFlight(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("counting who is in flight of %s: %w", id, err)
	}
	return n, nil
}

func (l *Ledger) inFlight(ctx context.Context, id string) (int, error) {
	owned := map[int]bool{}
	err := l.eachField(ctx, keys.Owners(id), func(n int, _ string) error {
		owned[n] = true
		return nil
	})
	if err != nil || len(owned) == 0 {
		return 0, err
	}
	all, err := l.Staged(ctx, id)
	if err != nil {
		return 0, err
	}
	inFlight, fold := 0, NewFold(0)
	for _, s := range all {
		if !owned[s.N] {
			continue
		}
		read, err := l.read(ctx, id, false, s)
		if err != nil {
			return 0, err
		}
		if err := read[0].foldInto(fold, s); err != nil {
			return 0, err
		}
		for i := range fold.Size() {
			if fold.Standing(i).State == InFlight {
				inFlight++
			}
		}
	}
	return inFlight, nil
}
