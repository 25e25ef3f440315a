package receipt

import "github.com/redis/go-redis/v9"

// applyScript appends a record to a batch's receipt log and writes the counts that
// follow from all of it, if nobody else did meanwhile. Counts are written only where
// the batch's summary counts the outcomes that they rest on, so that no account has
// more receipts than acceptances; and never those of an older journal in the place
// of a newer one's. Where the batch has expired nothing is kept; where it is to
// expire, this goes with it.
//
//	KEYS  receipts, funnel, batches, summary
//	ARGV  n, the log's length, where the journal's last outcome ends, record or "",
//	      funnel, how the log begins
//	returns 1, 2 if the counts are to be written later, 0 if another was quicker,
//	        or -1 if the batch is gone
func applyScript() *redis.Script {
	return redis.NewScript(`
local ttl = redis.call('PTTL', KEYS[3])
if ttl == -2 then return -1 end
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[6] ~= '' and redis.call('GETRANGE', KEYS[1], 0, #ARGV[6] - 1) ~= ARGV[6] then return 0 end
local was = redis.call('HGET', KEYS[2], ARGV[1])
if was then
	local journal = string.match(was, '^1 %d+ (%d+) ')
	if journal and tonumber(journal) > tonumber(ARGV[3]) then return 0 end
end
local counted = string.match(redis.call('HGET', KEYS[4], ARGV[1]) or '', '^%d+ (%d+) ')
local behind = ARGV[3] ~= '0' and (not counted or tonumber(counted) < tonumber(ARGV[3]))
if ARGV[4] ~= '' then redis.call('APPEND', KEYS[1], ARGV[4]) end
if not behind then redis.call('HSET', KEYS[2], ARGV[1], ARGV[5]) end
if ttl > 0 then
	redis.call('PEXPIRE', KEYS[1], ttl)
	redis.call('PEXPIRE', KEYS[2], ttl)
end
return behind and 2 or 1`)
}

// compactScript puts a compact log in the place of one, with the same counts, if both
// are still as they were read.
//
//	KEYS  receipts, funnel
//	ARGV  n, the log's length, how it begins, the counts; the new log, its counts
//	returns 1, or 0 if another was quicker
func compactScript() *redis.Script {
	return redis.NewScript(`
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[2])
	or redis.call('GETRANGE', KEYS[1], 0, #ARGV[3] - 1) ~= ARGV[3]
	or redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[5], 'KEEPTTL')
redis.call('HSET', KEYS[2], ARGV[1], ARGV[6])
return 1`)
}
