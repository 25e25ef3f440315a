package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// keysAtOnce is how many batches' keys one pipeline touches.
const keysAtOnce = 200

// Expire has everything that the ledger holds of a campaign vanish after ttl;
// again, if it was said before. The campaign's own record is not the ledger's.
func (l *Ledger) Expire(ctx context.Context, id string, ttl time.Duration) error {
	err := l.eachKey(ctx, id, func(p redis.Pipeliner, key string) { p.PExpire(ctx, key, ttl) })
	if err != nil {
		return fmt.Errorf("setting when %s expires: %w", id, err)
	}
	return nil
}

// Delete removes everything that the ledger holds of a campaign. Cut short, it
// can be repeated.
func (l *Ledger) Delete(ctx context.Context, id string) error {
	err := l.eachKey(ctx, id, func(p redis.Pipeliner, key string) { p.Unlink(ctx, key) })
	if err != nil {
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	return nil
}

// eachKey calls do for each key of the campaign's, those that tell which batches
// there are last.
func (l *Ledger) eachKey(ctx context.Context, id string, do func(p redis.Pipeliner, key string)) error {
	all, err := l.Staged(ctx, id)
	if err != nil {
		return err
	}
	for len(all) > 0 {
		some := all[:min(keysAtOnce, len(all))]
		all = all[len(some):]
		_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, s := range some {
				do(p, keys.Recipients(id, s.N))
				do(p, keys.Skipped(id, s.N))
				do(p, keys.Journal(id, s.N))
				do(p, keys.Phones(id, s.N))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range []string{keys.Index(id), keys.Summary(id), keys.Claims(id), keys.Owners(id), keys.Done(id), keys.Batches(id)} {
			do(p, key)
		}
		return nil
	})
	return err
}
