-- Grants the next free slot of a sender's pace, on Redis' own clock.
--
-- KEYS: 1 pace (hash), 2 shares (hash), 3 workers (hash), 4 day (hash)
-- ARGV: 1 the request as JSON:
--   worker, busy, stamp, mps, rps, day, burst (s), flight, lead (us that the worker needs
--   before a slot), now (us; only in tests),
--   asks: {id, weight, per_second, want, whole}
-- Returns JSON: now, live, others, settled, factor, mps, rps, day, flight, conflict, pause (us from now), and either
--   wait (us until it is worth asking again) with why, or
--   slots: {id, n, start (us from now), step (us), bucket}
-- Times are told from now, because JSON here keeps 14 digits of a number.
--
-- Inside, times are whole microseconds, which doubles hold exactly. Every grant is kept
-- in a log {start, end, n, guard, campaign} for the second in which it matters. For
-- any window of one second the log's messages in it are at most the limit. Only a
-- campaign with a limit of its own is named.

local req = cjson.decode(ARGV[1])
local now = req.now
if not now then
	local t = redis.call('TIME')
	now = t[1] * 1000000 + t[2]
end

local SECOND = 1000000
local GUARD = 0.02 * SECOND -- what bursts keep from each other beyond a second
local GRACE = 0.25 * SECOND -- how late one may ask that still contends
local IDLE = 0.02 * SECOND -- slots that are not granted so long before are soon lost

-- The newest settings hold for all workers. A worker with others is told.
local pace = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do pace[flat[i]] = flat[i + 1] end
local newer = req.stamp > tonumber(pace.stamp or '-1')
local conflict = false
for _, field in ipairs({'mps', 'rps', 'day', 'burst', 'flight'}) do
	if newer or not pace[field] then
		pace[field] = req[field]
		redis.call('HSET', KEYS[1], field, req[field])
	elseif tonumber(pace[field]) ~= req[field] then
		conflict = true
	end
end
if newer then redis.call('HSET', KEYS[1], 'stamp', req.stamp) end

-- A clock that was set back, or a failover to one that is behind: what the old one
-- wrote means nothing now, but what it granted goes out yet, and is waited for.
local seen_at = tonumber(pace.seen or '0')
if seen_at > now + SECOND then
	local rest = math.max(0, tonumber(pace.pause or '0') - seen_at)
	for e in string.gmatch(pace.log or '', '[^,;]+,([^,;]+),[^,;]+,[^;]+;') do rest = math.max(rest, tonumber(e) - seen_at) end
	pace.log, pace.next_request, pace.factor_at = '', '0', now
	pace.pause = now + rest + SECOND + GUARD
	redis.call('HSET', KEYS[1], 'log', '', 'next_request', '0', 'factor_at', string.format('%.0f', now),
		'pause', string.format('%.0f', pace.pause), 'seen', string.format('%.0f', now))
	redis.call('DEL', KEYS[2], KEYS[3])
end

local mps, rps, day = tonumber(pace.mps), tonumber(pace.rps), tonumber(pace.day)
local burst = tonumber(pace.burst)

-- The factor climbs back by 5 % of the limit a second.
local factor = math.min(1, tonumber(pace.factor or '1') + 0.05 * math.max(0, now - tonumber(pace.factor_at or '0')) / SECOND)
local base = tonumber(pace.base or '0') -- the pace that was throttled, of a sender without a limit
local limit = mps
if limit == 0 and factor < 1 then limit = base end
limit = limit * factor
local requests = rps * factor

-- Workers that had work in the last three seconds share the sender. Each leaves
-- word how many it knows of; once all of them know of all, they have settled, and
-- a worker may take its whole share of what may be in flight.
local live, settled = 0, true
local known = redis.call('HGETALL', KEYS[3])
local seen = {}
for i = 1, #known, 2 do
	local at, knows = string.match(known[i + 1], '([^ ]+) ([^ ]+)')
	if tonumber(at) <= now - 3 * SECOND or known[i] == req.worker and not req.busy then
		redis.call('HDEL', KEYS[3], known[i])
	elseif known[i] ~= req.worker then
		live = live + 1
		seen[#seen + 1] = tonumber(knows)
	end
end
if req.busy then
	live = live + 1
	redis.call('HSET', KEYS[3], req.worker, string.format('%.0f %d', now, live))
	redis.call('PEXPIRE', KEYS[3], 60000)
end
for _, knows in ipairs(seen) do if knows < live then settled = false end end
live = math.max(1, live)

local answer = {now = string.format('%.0f', now), live = live, others = #seen, settled = settled, factor = factor, mps = mps, rps = rps, day = day, flight = tonumber(pace.flight), conflict = conflict,
	pause = math.max(0, tonumber(pace.pause or '0') - now)}

local function come_back(at, why)
	answer.wait, answer.why = math.max(1, at - now), why
	return cjson.encode(answer)
end

if #req.asks == 0 then return cjson.encode(answer) end

-- Messages of the last 24 hours, in buckets of ten minutes. A bucket counts
-- until its last message is 24 hours old.
local BUCKET = 600 * SECOND
local bucket = math.floor(now / BUCKET)
local left = math.huge
if day > 0 then
	local used, buckets = 0, {}
	local counts = redis.call('HGETALL', KEYS[4])
	for i = 1, #counts, 2 do
		local b, n = tonumber(counts[i]), tonumber(counts[i + 1])
		if (b + 1) * BUCKET <= now - 86400 * SECOND then
			redis.call('HDEL', KEYS[4], counts[i])
		else
			used = used + n
			buckets[#buckets + 1] = {b, n}
		end
	end
	left = day - used
	if left <= 0 then
		table.sort(buckets, function(a, b) return a[1] < b[1] end)
		local over, at = used - day, now
		for _, b in ipairs(buckets) do
			over = over - b[2]
			at = (b[1] + 1) * BUCKET + 86400 * SECOND
			if over < 0 then break end
		end
		redis.call('HSET', KEYS[1], 'day_until', string.format('%.0f', at))
		return come_back(at, 'day')
	end
	if pace.day_until then redis.call('HDEL', KEYS[1], 'day_until') end
end

-- The log of what was granted and still matters.
local single = limit -- submissions of one message a second
if requests > 0 and (single == 0 or requests < single) then single = requests end
local log = {}
for s, e, n, g, id in string.gmatch(pace.log or '', '([^,;]+),([^,;]+),([^,;]+),([^,;]+),?([^;]*);') do
	s, e, n, g = tonumber(s), tonumber(e), tonumber(n), tonumber(g)
	if e > now - SECOND - GUARD then log[#log + 1] = {s, e, n, g, id} end
end

-- Single messages go out one after the other at the full rate, but for those of
-- campaigns with a lower limit of their own: their stretches lie beside, marked by a
-- guard of -1, and what they reserve the others do without meanwhile.
local BESIDE = -1

-- The most that they reserve at any moment of a time. A second can hold one message
-- more of each than its rate: where single messages count, a stretch is one longer than
-- what goes out in it, and elsewhere one a second is reserved beside.
local LONGER = single < 200 and 1 or 0
local function reserved(from, to)
	local most = 0
	local function at(t)
		local sum = 0
		for _, g in ipairs(log) do
			if g[4] == BESIDE and g[1] <= t and g[2] > t then
				sum = sum + (g[3] + LONGER) / (g[2] - g[1]) * SECOND + 1 - LONGER
			end
		end
		most = math.max(most, sum)
	end
	at(from)
	for _, g in ipairs(log) do
		if g[4] == BESIDE and g[1] > from and g[1] < to then at(g[1]) end
	end
	return most
end

-- What they leave of a rate; something also where that has fallen since.
local function beside_leave(rate, from, to)
	return math.max(rate * 0.3, rate - reserved(from, to))
end

-- Half of the rate may be for stretches beside.
local function room_beside(per_second, from, to)
	return single == 0 or reserved(from, to) + per_second <= single * 0.5
end

-- The first moment at which single messages may go on at the full rate: all before
-- have ended, and for each grant, the messages since it began fit into the time
-- since it began.
local function first_single(rate)
	local at = math.max(now + req.lead, tonumber(pace.pause or '0'))
	if rate == 0 then return at end
	for i = #log, 1, -1 do
		if log[i][4] ~= BESIDE then
			local later, burst = 0, false
			for k = 1, #log do
				if log[k][1] >= log[i][1] and log[k][4] ~= BESIDE then
					later = later + log[k][3]
					burst = burst or log[k][4] > 1
				end
			end
			-- What the stretches beside reserve is missing after a burst.
			local left = burst and beside_leave(rate, log[i][1], log[i][1] + SECOND) or rate
			local whole = log[i][4] > 0 and 1 or 0 -- it leaves the second at once, not one by one
			at = math.max(at, log[i][4] ~= 1 and log[i][2] or 0, log[i][1] + log[i][4] + (later + whole) / left * SECOND)
		end
	end
	return math.ceil(at)
end

-- The first moment, not before at, at which n messages may go out at once: the log's
-- messages, or those of one campaign, of the second before it, and all that is
-- granted after, leave room for them.
local function first_whole(n, rate, at, id)
	if rate == 0 then return at end
	local function fits(at)
		local sum, since = n, at - SECOND - GUARD
		for _, g in ipairs(log) do
			if id and g[5] ~= id then
				-- It is another's.
			elseif g[1] == g[2] then
				if g[1] > since then sum = sum + g[3] end
			elseif g[2] > since then
				-- Messages come whole: a part of a stretch may hold one more.
				local part = (g[2] - math.max(g[1], since)) / (g[2] - g[1])
				sum = sum + math.min(g[3], math.floor(g[3] * part) + 1)
			end
		end
		return sum <= rate + 0.001
	end
	if fits(at) then return math.ceil(at) end
	local hi = at
	for _, g in ipairs(log) do hi = math.max(hi, g[2]) end
	hi = hi + SECOND + GUARD + 1 -- all of it has left by then
	while hi - at > 100 do
		local mid = (at + hi) / 2
		if fits(mid) then hi = mid else at = mid end
	end
	return math.ceil(hi)
end

-- Shares: virtual time, in messages by weight. A campaign contends until its slots
-- have passed, or until it was told to come back, and a little longer: a worker asks
-- before that, so one that has not asked by then has nothing to send now.
local shares = {}
local stored = redis.call('HGETALL', KEYS[2])
local least = math.huge
local contenders, weights = 0, 0
local asked = {}
for _, a in ipairs(req.asks) do asked[a.id] = true end
for i = 1, #stored, 2 do
	local vt, due, free, weight = string.match(stored[i + 1], '([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)')
	if not weight or tonumber(due) < now - 60 * SECOND then
		redis.call('HDEL', KEYS[2], stored[i])
	else
		local share = {vt = tonumber(vt), due = tonumber(due), free = tonumber(free)}
		shares[stored[i]] = share
		share.contends = share.due > now - GRACE
		if share.contends then least = math.min(least, share.vt) end
		if share.contends and not asked[stored[i]] then
			contenders, weights = contenders + 1, weights + tonumber(weight)
		end
	end
end
local FAR = math.max(0.6 * SECOND, req.lead + 0.25 * SECOND) -- slots are granted so far ahead
local OWN = now - GRACE -- the due of one that its own limit holds: it holds nobody
local begin = first_single(single)
local asks, soonest = {}, math.huge
for _, a in ipairs(req.asks) do
	local share = shares[a.id] or {vt = 0, due = now, free = 0}
	-- A newcomer comes before those who are level.
	if not share.contends and least < math.huge then share.vt = math.max(share.vt, least - math.max(1, single * 0.05)) end
	a.share = share
	-- Its stretches may be granted ahead, unless they go out among the others'.
	a.beside = not a.whole and (a.per_second >= 2 and a.want > 1 or single == 0 and a.per_second > 0) and room_beside(a.per_second, now, now + 2 * SECOND)
	local early = a.beside and FAR or begin - now
	if a.per_second > 0 and share.free > now + early + 1000 then
		share.due = OWN
		soonest = math.min(soonest, math.max(share.free - early, now + IDLE / 2))
	else
		share.due = math.max(share.due, now)
		contenders, weights = contenders + 1, weights + a.weight
		asks[#asks + 1] = a
	end
end
for _, a in ipairs(asks) do least = math.min(least, a.share.vt) end
-- What was long ago does not count: nobody is further ahead than by a second's
-- messages, or by two bursts.
for _, a in ipairs(asks) do
	if single > 0 then a.share.vt = math.min(a.share.vt, least + math.max(2, single * math.max(1, 2 * burst)) / a.weight) end
end

local function keep()
	local text = {}
	for _, g in ipairs(log) do
		text[#text + 1] = string.format('%.0f,%.0f,%.0f,%.0f,%s;', g[1], g[2], g[3], g[4], g[5])
	end
	redis.call('HSET', KEYS[1], 'log', table.concat(text), 'seen', string.format('%.0f', now))
	for _, a in ipairs(req.asks) do
		redis.call('HSET', KEYS[2], a.id, string.format('%.6f %.0f %.0f %d', a.share.vt, a.share.due, a.share.free, a.weight))
	end
	redis.call('PEXPIRE', KEYS[2], 120000)
end

if #asks == 0 then
	keep()
	return come_back(soonest, 'campaign')
end
table.sort(asks, function(x, y)
	if x.share.vt ~= y.share.vt then return x.share.vt < y.share.vt end
	return x.id < y.id
end)
-- A campaign that is ahead of one that asks elsewhere lets that one go first, until
-- it would be its turn, or until a slot would be lost otherwise.
local idle = begin <= now + req.lead + IDLE
-- Where there are many messages, all workers together ask in vain once in 25 of them
-- at most, roughly, and a question is for fifty.
local many = single >= 500
local turn = many and math.max(IDLE / 2, math.min((live > 10 and 2 or 0.5) * SECOND, live * 25 / single * SECOND)) or 0.05 * SECOND
local ahead = single > 0 and asks[1].share.vt - least - math.max(1, single * 0.02) * contenders / weights or 0
if ahead > 0 and not idle then
	local lost, watch = begin - req.lead - IDLE / 2, tonumber(pace.watch or '0')
	local at = math.max(now + turn, math.min(lost, now + ahead * weights / single * SECOND))
	-- One of them all is back in time if nobody else takes the slot.
	if at > lost and (watch <= now or watch > lost or pace.watcher == req.worker) then
		at = lost
		redis.call('HSET', KEYS[1], 'watch', string.format('%.0f', at), 'watcher', req.worker)
	end
	for _, a in ipairs(asks) do a.share.due = math.max(a.share.due, at) end
	keep()
	return come_back(at, 'share')
end

-- Not further, so that whoever comes later begins within a second.
local horizon = math.max(FAR, single > 0 and 2 * SECOND / single or 0)
local slots = {}

-- Whoever is told to come back contends all the same.
local function far_ahead(at)
	for _, a in ipairs(asks) do a.share.due = math.max(a.share.due, math.min(at, now + 2 * SECOND)) end
	keep()
	return come_back(at, 'horizon')
end

local function grant(a, n, start, length, guard)
	log[#log + 1] = {start, start + length, n, guard, a.per_second > 0 and a.id or '-'}
	a.share.vt = a.share.vt + n / a.weight
	if a.per_second > 0 then
		a.share.free = math.max(start, a.share.free) + n / a.per_second * SECOND
		if guard == GUARD and n <= a.per_second then a.share.free = first_whole(n, a.per_second, a.share.free, a.id) end
	end
	a.share.due = math.max(a.share.due, start + length)
	if a.per_second > 0 and a.per_second < single * a.weight / weights then a.share.due = OWN end
	if day > 0 then redis.call('HINCRBY', KEYS[4], bucket, n) end
	left = left - n
	slots[#slots + 1] = {id = a.id, n = n, start = start - now, step = n > 0 and length / n or 0, bucket = bucket}
end

if asks[1].whole then
	local a = asks[1]
	local n = math.min(a.want, left)
	for _, rate in ipairs({limit, a.per_second}) do
		if rate > 0 then
			-- Cut so that whole bursts make up the rate.
			n = math.min(n, math.max(1, math.floor(rate * burst)))
			if n < rate then n = math.max(1, math.min(n, math.floor(rate / math.ceil(rate / n)))) end
		end
	end
	local start = math.max(now + req.lead, tonumber(pace.pause or '0'), tonumber(pace.next_request or '0'), a.share.free)
	if n <= a.per_second then start = first_whole(n, a.per_second, start, a.id) end
	if n <= limit then start = first_whole(n, limit, start) end
	if n > limit and limit > 0 then start = math.max(start, first_single(limit)) end
	local far = math.max(horizon, 2 * SECOND * burst)
	if start > now + far then return far_ahead(start - math.min(far, SECOND)) end
	if requests > 0 then redis.call('HSET', KEYS[1], 'next_request', string.format('%.0f', start + SECOND / requests)) end
	-- n > limit: a single message of a limit below one a second, spread over its time.
	local length = 0
	if limit > 0 and n > limit then length = n / limit * SECOND end
	grant(a, n, start, length, length == 0 and GUARD or 0)
	slots[1].step = 0
else
	if begin > now + horizon then
		-- With many workers, each comes back when it may be its turn, and not all at once.
		local stagger = live > 10 and live * 50000 * tonumber(string.sub(redis.sha1hex(req.worker), 1, 4), 16) / 65536 or 0
		return far_ahead(math.max(begin - math.min(horizon, math.max(SECOND, FAR)) + stagger, now + math.min(turn, 0.2 * SECOND)))
	end
	local length = math.max(0.1, math.min(0.25, 1 / live))
	local k = single > 0 and math.max(1, math.floor(single * length)) or 1000
	k = math.min(k, left)
	local quantum = math.max(1, math.floor(k / 16))
	-- Where several contend, one's own part of it is enough: so nobody gets far ahead.
	local level = math.huge
	if contenders > 1 and single > 0 then
		local part = math.max(k, (many and 50 or math.max(1, single * 0.02)) * contenders) / weights
		level = math.max(least, ahead > 0 and asks[1].share.vt or least) + part
		level = math.max(level, asks[1].share.vt + 1 / asks[1].weight)
	end
	-- A campaign's own limit bounds a stretch: to a second beside the others; among
	-- them to what is little of its own limit, or, where that is high and the stretch
	-- is slower than the others, to what goes out too late for little of the sender's.
	local function most_of(a)
		local n = a.per_second * (a.beside and 1 or 0.03)
		if not a.beside and a.per_second > single * 0.5 then n = a.per_second < single and 0.025 * single / (1 - a.per_second / single) or k end
		return math.max(1, math.floor(n))
	end
	local given, total = {}, 0
	while total < k do
		local best
		for i, a in ipairs(asks) do
			if not a.whole then
				local got = given[i] or 0
				local most = a.want
				if a.per_second > 0 then most = math.min(most, most_of(a)) end
				if got < most then
					local vt = a.share.vt + got / a.weight
					if vt < level and (not best or vt < best.vt) then best = {i = i, vt = vt, room = most - got} end
				end
			end
		end
		if not best then break end
		local n = math.min(quantum, best.room, k - total)
		given[best.i] = (given[best.i] or 0) + n
		total = total + n
	end
	-- One after the other, so that no two campaigns' messages fall together, at what
	-- the stretches beside leave of the rate.
	for i, a in ipairs(asks) do
		local n = given[i]
		if n then
			local start = first_single(single)
			local from, own = math.max(start, a.share.free), a.per_second > 0 and n / a.per_second * SECOND or 0
			if a.beside and n > 1 and room_beside(a.per_second, from, from + own) then
				local step = own / n
				grant(a, n, from, own + LONGER * step, BESIDE)
				slots[#slots].start, slots[#slots].step = from + step - now, step
			elseif single == 0 then
				grant(a, n, from, 0, 0)
			elseif from <= start + 1000 then
				if a.beside then
					a.beside = false
					n = math.min(n, most_of(a))
				end
				local rate = single
				for _ = 1, 4 do rate = beside_leave(single, start, start + n / rate * SECOND) end
				local span = n / rate * SECOND
				own = a.per_second > single * 0.5 and n / a.per_second * SECOND or 0
				grant(a, n, start, math.max(span, own), own > span and 1 or 0)
			end
		end
	end
	if #slots == 0 then
		keep()
		return come_back(now + turn, 'share')
	end
end
keep()
answer.slots = slots
return cjson.encode(answer)
