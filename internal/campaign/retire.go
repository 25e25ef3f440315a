package campaign

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// retireScript keeps the account of a campaign that is over, the first that is
// given: a later one may be of rows that have expired.
// KEYS: campaign. ARGV: account, the states that are over, 1 if its rows are going
// to expire. Returns 1 if it is over.
var retireScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= ARGV[2] and state ~= ARGV[3] then return 0 end
redis.call('HSETNX', KEYS[1], 'final', ARGV[1])
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'expiring', 1) end
return 1`)

// Retire takes a campaign that is over from the active ones, and keeps its
// account for the time when its rows have expired. Expire has them do so; nil: they
// stay. The record itself stays for ever, because an id is unique for ever.
func (s *Store) Retire(ctx context.Context, id string, account []byte, expire func(context.Context) error) error {
	over, err := retireScript.Run(ctx, s.rdb, []string{keys.Campaign(id)}, account, string(Finished), string(Cancelled), expire != nil).Bool()
	if err != nil {
		return fmt.Errorf("retiring %s: %w", id, err)
	}
	if over {
		// Before the removal, so that whoever finds it cut short does it again. That
		// the rows may be expiring is on record before, for whoever reopens it.
		if expire != nil {
			if err := expire(ctx); err != nil {
				return err
			}
		}
		if err := s.rdb.SRem(ctx, keys.Active(), id).Err(); err != nil {
			return fmt.Errorf("retiring %s: %w", id, err)
		}
	}
	// Reopened in between? It makes sure of the index after its move, and here
	// after the removal: one of the two comes last.
	rec, err := s.Get(ctx, id)
	if err != nil || rec.State.Over() {
		return err
	}
	return s.activate(ctx, id)
}

// accountScript renews the account that was kept of a campaign that is over.
// KEYS: campaign. ARGV: account, the states that are over.
var accountScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if (state == ARGV[2] or state == ARGV[3]) and redis.call('HEXISTS', KEYS[1], 'final') == 1 then
	redis.call('HSET', KEYS[1], 'final', ARGV[1])
end
return 1`)

// Account renews the account that was kept of a retired campaign, whose rows are
// still there and have changed.
func (s *Store) Account(ctx context.Context, id string, account []byte) error {
	if err := accountScript.Run(ctx, s.rdb, []string{keys.Campaign(id)}, account, string(Finished), string(Cancelled)).Err(); err != nil {
		return fmt.Errorf("keeping the account of %s: %w", id, err)
	}
	return nil
}

// keptScript notes that the rows of a campaign that is not over expire no more.
// KEYS: campaign. ARGV: the states that are over.
var keptScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= ARGV[1] and state ~= ARGV[2] then redis.call('HDEL', KEYS[1], 'expiring') end
return 1`)

// Kept notes that the rows of a campaign that goes on expire no more.
func (s *Store) Kept(ctx context.Context, id string) error {
	if err := keptScript.Run(ctx, s.rdb, []string{keys.Campaign(id)}, string(Finished), string(Cancelled)).Err(); err != nil {
		return fmt.Errorf("noting that the rows of %s are kept: %w", id, err)
	}
	return nil
}
