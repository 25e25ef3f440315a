package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// ownersAtOnce is how many campaigns are asked about in one round trip.
const ownersAtOnce = 500

// Owners are the workers that hold batches of each of the campaigns named; those
// of which nobody holds any are left out. It costs one command each, and a round
// trip for many.
func (l *Ledger) Owners(ctx context.Context, ids ...string) (map[string][]string, error) {
	owners := map[string][]string{}
	for some := range slices.Chunk(ids, ownersAtOnce) {
		held := make([]*redis.StringSliceCmd, len(some))
		_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, id := range some {
				held[i] = p.HVals(ctx, keys.Owners(id))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking for who holds batches of %d campaigns: %w", len(some), err)
		}
		for i, id := range some {
			if workers := held[i].Val(); len(workers) > 0 {
				slices.Sort(workers)
				owners[id] = slices.Compact(workers)
			}
		}
	}
	return owners, nil
}
