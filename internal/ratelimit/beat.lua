-- A worker tells what it has and could send, takes the slots that are its own, and
-- learns how far the plan reaches; where that is too short, or so far as no plan
-- reaches, by a clock that was set, all that a plan needs.
--
-- KEYS: 1 pace, 2 workers, 3 plan, 4 day (hashes)
-- ARGV: 1 worker, or '' of one that only looks; 2 submissions in flight that it may
--   have, or '' where it has no work; 3 its demands; 4 us that the plan must reach;
--   5 '1': its demands are new; 6 '1': the plan is needed in any case
-- Returns time, own slots, head, next, reach, version, workers, plan, day. The plan's fields
-- of a worker are d: demands, h: slots that it took as it told them, p: slots since.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local clock, own = string.format('%.0f', now), ''
if ARGV[1] ~= '' then
	own = redis.call('HGET', KEYS[3], 'p:' .. ARGV[1]) or ''
	redis.call('HDEL', KEYS[3], 'p:' .. ARGV[1])
	if ARGV[2] == '' then
		redis.call('HDEL', KEYS[2], ARGV[1])
	else
		redis.call('HSET', KEYS[2], ARGV[1], clock .. ' ' .. ARGV[2])
		redis.call('PEXPIRE', KEYS[2], 60000)
	end
	if ARGV[3] == '' then
		redis.call('HDEL', KEYS[3], 'd:' .. ARGV[1], 'h:' .. ARGV[1])
	else
		redis.call('HSET', KEYS[3], 'd:' .. ARGV[1], clock .. ' ' .. ARGV[3], 'h:' .. ARGV[1], own)
		redis.call('PEXPIRE', KEYS[3], 60000)
	end
end
local pace = redis.call('HMGET', KEYS[1], 'head', 'next', 'reach', 'version')
local far, free, reach = now + ARGV[4], tonumber(pace[2] or '0'), tonumber(pace[3] or '0')
local answer = {clock, own, pace[1] or '', pace[2] or '0', pace[3] or '0', pace[4] or '0', redis.call('HGETALL', KEYS[2])}
if ARGV[6] == '1' or ARGV[3] ~= '' and (reach < far or reach > now + 3000000 or ARGV[5] == '1' and free < far) then
	answer[8], answer[9] = redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[4])
end
return answer
