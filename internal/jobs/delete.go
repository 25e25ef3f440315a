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
