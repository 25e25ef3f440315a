package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// keysAtOnce is about how many keys one command touches.
const keysAtOnce = 200

// rowsOutlive is how much longer the rest is kept than what tells which batches
// there are: as long as that is there, nothing is missing, and Keep comes in time.
const rowsOutlive = time.Minute

// expireScript has keys vanish of a campaign that is over, or keeps those of one
// that is not.
//
//	KEYS  campaign, the keys
//	ARGV  after how many ms, 0 to keep them; the states that are over
//	returns 1, or 0 if the campaign's state is none for that
func expireScript() *redis.Script {
	return redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
local over = state == ARGV[2] or state == ARGV[3]
if over ~= (ARGV[1] ~= '0') then return 0 end
for i = 2, #KEYS do
	if ARGV[1] == '0' then redis.call('PERSIST', KEYS[i])
	elseif redis.call('PTTL', KEYS[i]) == -1 then redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
end
return 1`)
}

// The states of a campaign in which nothing happens any more by itself.
const (
	finished  = "finished"
	cancelled = "cancelled"
)

// Expire has everything that the ledger holds of a campaign that is over vanish
// after ttl; of one that is not, nothing. Said again, the first time holds. The
// campaign's own record is not the ledger's.
func (l *Ledger) Expire(ctx context.Context, id string, ttl time.Duration) error {
	if err := l.expire(ctx, id, ttl); err != nil {
		return fmt.Errorf("setting when %s expires: %w", id, err)
	}
	return nil
}

// Keep takes Expire back for a campaign that is not over any more.
func (l *Ledger) Keep(ctx context.Context, id string) error {
	if err := l.expire(ctx, id, 0); err != nil {
		return fmt.Errorf("keeping %s: %w", id, err)
	}
	return nil
}

func (l *Ledger) expire(ctx context.Context, id string, ttl time.Duration) error {
	return l.eachKeys(ctx, id, func(some []string) error {
		ttl := ttl
		if some[0] == keys.Batches(id) && ttl > 0 {
			ttl = max(ttl-min(rowsOutlive, ttl/2), time.Millisecond)
		}
		touched := append([]string{keys.Campaign(id)}, some...)
		return l.scripts.expire.Run(ctx, l.rdb, touched, ttl.Milliseconds(), finished, cancelled).Err()
	})
}

// Delete removes everything that the ledger holds of a campaign. Cut short, it
// can be repeated.
func (l *Ledger) Delete(ctx context.Context, id string) error {
	err := l.eachKeys(ctx, id, func(some []string) error { return l.rdb.Unlink(ctx, some...).Err() })
	if err != nil {
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	return nil
}

// eachKeys calls do for the campaign's keys, some at a time; at last for the one
// that tells which batches there are.
func (l *Ledger) eachKeys(ctx context.Context, id string, do func(some []string) error) error {
	all, err := l.Staged(ctx, id)
	if err != nil {
		return err
	}
	some := []string{keys.Index(id), keys.Funnel(id), keys.Summary(id), keys.Claims(id), keys.Owners(id), keys.Done(id), keys.Revisions(id)}
	for i, s := range all {
		some = append(some, keys.Recipients(id, s.N), keys.Skipped(id, s.N), keys.Journal(id, s.N), keys.Phones(id, s.N), keys.Receipts(id, s.N))
		if len(some) >= keysAtOnce || i == len(all)-1 {
			if err := do(some); err != nil {
				return err
			}
			some = nil
		}
	}
	if len(some) > 0 {
		if err := do(some); err != nil {
			return err
		}
	}
	return do([]string{keys.Batches(id)})
}
