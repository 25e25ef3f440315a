package jobs

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// deleteScript deletes our tasks of a queue, in whatever state, and the queue if
// nothing is left: what a dead worker had is at work there for ever, and asynq
// deletes no queue with tasks at work, nor the tasks that are done with the queue.
//
//	KEYS  the queue's lists pending and active, its sets scheduled, retry, archived
//	      and completed, then its other keys
//	ARGV  what the keys of its tasks begin with
//	returns how many tasks of others there are
var deleteScript = redis.NewScript(`
local foreign = 0
for i = 1, 6 do
	local list = i <= 2
	for _, id in ipairs(redis.call(list and 'LRANGE' or 'ZRANGE', KEYS[i], 0, -1)) do
		if string.find(id, '^batch%-%d+$') or string.find(id, '^batch%-%d+%-epoch%-%d+$') then
			redis.call('DEL', ARGV[1] .. id)
			if list then redis.call('LREM', KEYS[i], 1, id) else redis.call('ZREM', KEYS[i], id) end
		else
			foreign = foreign + 1
		end
	end
end
if foreign == 0 then
	for i = 1, #KEYS do redis.call('DEL', KEYS[i]) end
end
return foreign`)

// Delete deletes a campaign's queue that no server works on any more; it need not
// be there. A task of another application is never deleted, nor the queue that
// holds one; foreign says how many there are.
func (q *Queue) Delete(ctx context.Context, campaign string) (foreign int, err error) {
	var all []string
	for _, what := range []string{
		"pending", "active", "scheduled", "retry", "archived", "completed",
		"lease", "paused", "processed", "failed",
	} {
		all = append(all, q.key(campaign, what))
	}
	foreign, err = deleteScript.Run(ctx, q.rdb, all, q.key(campaign, "t:")).Int()
	if err == nil && foreign == 0 {
		err = q.rdb.SRem(ctx, keys.Queues(), q.Name(campaign)).Err()
	}
	if err != nil {
		return 0, fmt.Errorf("deleting the queue of %s: %w", campaign, err)
	}
	return foreign, nil
}

// purgeScript deletes our tasks of a queue that nobody has in hand.
//
//	KEYS  the queue's list pending, its sets scheduled, retry and archived
//	ARGV  what the keys of its tasks begin with
//	returns how many there were
var purgeScript = redis.NewScript(`
local purged = 0
for i = 1, 4 do
	for _, id in ipairs(redis.call(i == 1 and 'LRANGE' or 'ZRANGE', KEYS[i], 0, -1)) do
		if string.find(id, '^batch%-%d+$') or string.find(id, '^batch%-%d+%-epoch%-%d+$') then
			redis.call('DEL', ARGV[1] .. id)
			if i == 1 then redis.call('LREM', KEYS[i], 1, id) else redis.call('ZREM', KEYS[i], id) end
			purged = purged + 1
		end
	end
end
return purged`)

// Purge deletes the tasks of a cancelled campaign that nobody has in hand, and takes
// a pause of its queue back. What batches have done stays to be seen.
func (q *Queue) Purge(ctx context.Context, campaign string) error {
	waiting := []string{q.key(campaign, "pending"), q.key(campaign, "scheduled"), q.key(campaign, "retry"), q.key(campaign, "archived")}
	if err := purgeScript.Run(ctx, q.rdb, waiting, q.key(campaign, "t:")).Err(); err != nil {
		return fmt.Errorf("deleting the tasks of %s: %w", campaign, err)
	}
	return q.Unpause(ctx, campaign)
}
