package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// settleScript appends a record whatever the epoch, and writes the batch's
// summary if it is that of the whole journal under the newest epoch. If it is
// not, the batch does not count as done until somebody has written one that is.
// What it writes expires with the rest, if that does.
//
// Where the summary was written and something is pending, it appends an intent
// then, under what beginScript asks for.
//
//	KEYS  claims, journal, summary, done, owners, batches, campaign
//	ARGV  n, record or "", the journal's length and the epoch that the summary
//	      knows, the summary of all that with the record, then as 1 or 0: nothing
//	      is pending in it; something was pending before; do nothing unless the
//	      summary fits; then how much longer in ms the rest outlives the batches,
//	      an intent or "", the state that the campaign must be in for it, the worker
//	      and the epoch of its claim
//	returns {1 if the summary was written else 0, the journal's length without the
//	        intent, the epoch, 1 if the batch was done and is no longer else 0, and
//	        of the intent 0 if it was appended, else as beginScript}, or {2} if the
//	        campaign's rows have expired
func settleScript() *redis.Script {
	return redis.NewScript(`
local ttl = redis.call('PTTL', KEYS[6])
if ttl == -2 then return {2, 0, 0, 0, 1} end
local function wrote(...)
	if ttl >= 0 then
		for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ttl + ARGV[9]) end
	end
	return {...}
end
local epoch = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
local length
if ARGV[8] == '1' then
	length = redis.call('STRLEN', KEYS[2])
	if length ~= tonumber(ARGV[3]) or epoch ~= ARGV[4] then return {0, length, tonumber(epoch), 0, 1} end
end
if ARGV[2] ~= '' then length = redis.call('APPEND', KEYS[2], ARGV[2]) end
if length - #ARGV[2] ~= tonumber(ARGV[3]) or epoch ~= ARGV[4] then
	return wrote(0, length, tonumber(epoch), redis.call('SREM', KEYS[4], ARGV[1]), 1)
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[5])
if ARGV[6] == '0' then
	local reopened = ARGV[7] == '0' and redis.call('SREM', KEYS[4], ARGV[1]) or 0
	local refused = 0
	if ARGV[10] ~= '' then
		local owner = redis.call('HGET', KEYS[5], ARGV[1])
		if epoch ~= ARGV[13] or owner and owner ~= ARGV[12] then
			refused = 1
		elseif redis.call('HGET', KEYS[7], 'state') ~= ARGV[11] then
			refused = 2
		else
			redis.call('APPEND', KEYS[2], ARGV[10])
		end
	end
	return wrote(1, length, tonumber(epoch), reopened, refused)
end
redis.call('SADD', KEYS[4], ARGV[1])
redis.call('HDEL', KEYS[5], ARGV[1])
local journal = redis.call('GET', KEYS[2])
if journal then redis.call('SET', KEYS[2], journal, 'KEEPTTL') end -- gives back what APPEND had set aside
return wrote(1, length, tonumber(epoch), 0, 1)`)
}

// A written is what settleScript returns.
type written struct {
	fits     bool
	length   int // without the intent
	epoch    int
	reopened bool
	refused  int // of the intent
}

// A beginning is an intent that is to be recorded with the same script.
type beginning struct {
	record []byte
	worker string
	epoch  int // of the claim; the summary's may be a newer one
}

// write runs settleScript. The summary is of so much of the journal as is known,
// and record. WasPending says that something was pending in that without record.
func (l *Ledger) write(ctx context.Context, id string, n int, s summary, record []byte, wasPending, onlyIfFits bool, begin beginning) (written, error) {
	touched := []string{keys.Claims(id), keys.Journal(id, n), keys.Summary(id), keys.Done(id), keys.Owners(id), keys.Batches(id), keys.Campaign(id)}
	reply, err := l.scripts.settle.Run(ctx, l.rdb, touched, n, record, s.bytes-len(record), s.epoch, s.text(), s.done(), wasPending, onlyIfFits,
		rowsOutlive.Milliseconds(), begin.record, running, begin.worker, begin.epoch).Int64Slice()
	if err != nil {
		return written{}, err
	}
	if len(reply) != 5 {
		return written{}, fmt.Errorf("unexpected reply of %d values", len(reply))
	}
	if reply[0] == 2 {
		return written{}, ErrNotStaged
	}
	return written{fits: reply[0] == 1, length: int(reply[1]), epoch: int(reply[2]), reopened: reply[3] == 1, refused: int(reply[4])}, nil
}
