package campaign

import (
	"context"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// tell is the end of a script that changes what workers go by, for a campaign whose
// record is KEYS[1]. Where it is not permitted, the script's work is done all the
// same: workers look for themselves, only later.
func tell() string {
	return `redis.pcall('PUBLISH', '` + keys.Changes() + `', string.match(KEYS[1], '{(.*)}'))`
}

// happened begins a script that makes something happen of which programs are told:
// happened(record, outbox, due, kinds, at, more) writes each of the kinds, as ",a,b,",
// that somebody is to be told of, so that none is lost between the two.
const happened = `
local function happened(record, outbox, due, kinds, at, more)
	local tells = redis.call('HGET', record, 'tells') or ''
	for kind in string.gmatch(kinds, '[^,]+') do
		if string.find(tells, ',' .. kind .. ',', 1, true) then
			local seq = redis.call('HINCRBY', record, 'told', 1)
			redis.call('HSET', outbox, seq, kind .. ' ' .. at .. more)
			redis.call('ZADD', due, at, seq)
			redis.call('EXPIRE', outbox, 2592000)
			redis.call('EXPIRE', due, 2592000)
		end
	end
end`

// note begins a script that changes a campaign's state: note(record, stream, at,
// from, to, everywhere) keeps the change among the campaign's events, and among those
// of all campaigns where everywhere names them, so that none is lost between the two.
// It comes once the record says so, and before the record is deleted, if it is.
const note = `
local function note(record, stream, at, from, to, everywhere)
	local is = redis.call('HMGET', record, 'sender', 'code', 'reason')
	local event = {'type', 'campaign.state', 'campaign', string.match(record, '{(.*)}'), 'sender', is[1] or '', 'at', at, 'from', from, 'to', to, 'code', '', 'reason', ''}
	if to == 'paused' or to == 'halted' then
		event[14], event[16] = is[2] or '', is[3] or ''
	end
	redis.call('XADD', stream, 'MAXLEN', '~', 1000, '*', unpack(event))
	redis.call('EXPIRE', stream, 2592000)
	if everywhere ~= '' then redis.pcall('XADD', everywhere, 'MAXLEN', '~', 10000, '*', unpack(event)) end
end`

// everywhere is the stream of all campaigns' events for the scripts; "" on a Cluster,
// where it is on another node than the campaign.
func (s *Store) everywhere() string {
	if _, ok := s.rdb.(*redis.ClusterClient); ok {
		return ""
	}
	return keys.AllEvents()
}

// noteEverywhere is what the scripts cannot do on a Cluster: it keeps a campaign's
// newest event among those of all campaigns. A process that is killed in between
// leaves it out there, and nowhere else.
func (s *Store) noteEverywhere(ctx context.Context, id string) {
	if s.everywhere() != "" {
		return
	}
	newest, err := s.rdb.XRevRangeN(ctx, keys.Events(id), "+", "-", 1).Result()
	if err != nil || len(newest) == 0 {
		return
	}
	_ = s.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.AllEvents(), MaxLen: 10000, Approx: true, Values: newest[0].Values}).Err()
}
