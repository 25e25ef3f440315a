-- Puts a plan in force if nobody has put another one there meanwhile. Either way the
-- worker takes the slots that are its own by then.
--
-- KEYS: 1 pace, 2 workers, 3 plan, 4 day (hashes)
-- ARGV: 1 the version that was planned on, 2 worker, 3 head, 4 next, 5 reach,
--   6 schedule, 7 bucket of the day, 8 its messages, 9 how many buckets are past, and
--   those, then each worker with its slots
-- Returns time, own slots, head, next, reach, whether it is in force.
local won = (redis.call('HGET', KEYS[1], 'version') or '0') == ARGV[1]
if won then
	redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'head', ARGV[3], 'next', ARGV[4], 'reach', ARGV[5])
	redis.call('HSET', KEYS[3], 'schedule', ARGV[6])
	redis.call('PEXPIRE', KEYS[3], 60000)
	if ARGV[8] ~= '0' then redis.call('HINCRBY', KEYS[4], ARGV[7], ARGV[8]) end
	local past = tonumber(ARGV[9])
	if past > 0 then redis.call('HDEL', KEYS[4], unpack(ARGV, 10, 9 + past)) end
	for i = 10 + past, #ARGV, 2 do
		local field = 'p:' .. ARGV[i]
		redis.call('HSET', KEYS[3], field, (redis.call('HGET', KEYS[3], field) or '') .. ARGV[i + 1])
	end
end
local own = ''
if ARGV[2] ~= '' then
	own = redis.call('HGET', KEYS[3], 'p:' .. ARGV[2]) or ''
	redis.call('HDEL', KEYS[3], 'p:' .. ARGV[2])
	redis.call('HSET', KEYS[3], 'h:' .. ARGV[2], (redis.call('HGET', KEYS[3], 'h:' .. ARGV[2]) or '') .. own)
end
local pace = redis.call('HMGET', KEYS[1], 'head', 'next', 'reach')
local t = redis.call('TIME')
return {string.format('%.0f', t[1] * 1000000 + t[2]), own, pace[1] or '', pace[2] or '0', pace[3] or '0', won and 1 or 0}
