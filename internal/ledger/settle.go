package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// A Settlement is what a submission led to for one recipient; or, where they are
// Suppressed, that it was not made and none will be.
type Settlement struct {
	Index      int // of the recipient in the batch
	Suppressed bool
	Outcome    sender.Outcome
	// Free says that a Failed costs no attempt: it was the outage's, and not the
	// recipient's. Pair says that a Throttled concerns this recipient alone.
	Free, Pair bool
	Code       sender.Code
	MessageID  string // only with Accepted
	Time       time.Time
}

// settleScript appends a record whatever the epoch, and writes the batch's
// summary if it is that of the whole journal under the newest epoch. If it is
// not, the batch does not count as done until somebody has written one that is.
// What it writes expires with the rest, if that does.
//
//	KEYS  claims, journal, summary, done, owners, batches
//	ARGV  n, record or "", the journal's length and the epoch that the summary
//	      knows, the summary of all that with the record, then as 1 or 0: nothing
//	      is pending in it; something was pending before; do nothing unless the
//	      summary fits; then how much longer in ms the rest outlives the batches
//	returns {1 if the summary was written else 0, the journal's length, the
//	        epoch, 1 if the batch was done and is no longer else 0}, or {2} if the
//	        campaign's rows have expired
func settleScript() *redis.Script {
	return redis.NewScript(`
local ttl = redis.call('PTTL', KEYS[6])
if ttl == -2 then return {2, 0, 0, 0} end
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
	if length ~= tonumber(ARGV[3]) or epoch ~= ARGV[4] then return {0, length, tonumber(epoch), 0} end
end
if ARGV[2] ~= '' then length = redis.call('APPEND', KEYS[2], ARGV[2]) end
if length - #ARGV[2] ~= tonumber(ARGV[3]) or epoch ~= ARGV[4] then
	return wrote(0, length, tonumber(epoch), redis.call('SREM', KEYS[4], ARGV[1]))
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[5])
if ARGV[6] == '0' then
	local reopened = ARGV[7] == '0' and redis.call('SREM', KEYS[4], ARGV[1]) or 0
	return wrote(1, length, tonumber(epoch), reopened)
end
redis.call('SADD', KEYS[4], ARGV[1])
redis.call('HDEL', KEYS[5], ARGV[1])
local journal = redis.call('GET', KEYS[2])
if journal then redis.call('SET', KEYS[2], journal, 'KEEPTTL') end -- gives back what APPEND had set aside
return wrote(1, length, tonumber(epoch), 0)`)
}

// A written is what settleScript returns.
type written struct {
	fits     bool
	length   int
	epoch    int
	reopened bool
}

// write runs settleScript. The summary is of so much of the journal as is known,
// and record. WasPending says that something was pending in that without record.
func (l *Ledger) write(ctx context.Context, id string, n int, s summary, record []byte, wasPending, onlyIfFits bool) (written, error) {
	touched := []string{keys.Claims(id), keys.Journal(id, n), keys.Summary(id), keys.Done(id), keys.Owners(id), keys.Batches(id)}
	reply, err := l.scripts.settle.Run(ctx, l.rdb, touched, n, record, s.bytes-len(record), s.epoch, s.text(), s.done(), wasPending, onlyIfFits, rowsOutlive.Milliseconds()).Int64Slice()
	if err != nil {
		return written{}, err
	}
	if len(reply) != 4 {
		return written{}, fmt.Errorf("unexpected reply of %d values", len(reply))
	}
	if reply[0] == 2 {
		return written{}, ErrNotStaged
	}
	return written{fits: reply[0] == 1, length: int(reply[1]), epoch: int(reply[2]), reopened: reply[3] == 1}, nil
}

// Settle records what submissions begun under this claim led to. It is done even
// if the batch has been claimed anew or the campaign is over: an outcome is a
// fact. Reopened says that the batch counted as done and has recipients pending
// again: it must be enqueued. Nothing need be settled again after an error, for
// what could not be recorded is kept and recorded with the next Settle or with
// Release; it tries itself until ctx ends, for nobody else knows these outcomes.
func (c *Claim) Settle(ctx context.Context, settlements []Settlement) (reopened bool, err error) {
	if len(settlements) == 0 {
		return false, nil
	}
	if err := c.lock(ctx); err != nil {
		return false, fmt.Errorf("settling batch %d of %s: %w", c.N, c.id, err)
	}
	defer c.unlock()
	record, err := c.outcomes(settlements)
	if err == nil {
		c.newInDoubt += c.unknown(settlements)
		reopened, err = c.settle(ctx, record)
	}
	if err != nil {
		return false, fmt.Errorf("settling batch %d of %s: %w", c.N, c.id, err)
	}
	return reopened, nil
}

// outcomes is the record of settlements.
func (c *Claim) outcomes(settlements []Settlement) ([]byte, error) {
	all := make([]outcome, 0, len(settlements))
	var suppressed []place
	for k := range settlements {
		s := &settlements[k]
		try, err := c.begun(s.Index)
		if err != nil {
			return nil, err
		}
		switch {
		case s.Suppressed:
			suppressed = append(suppressed, place{s.Index, try})
		case s.Outcome < sender.Accepted || s.Outcome > sender.Denied:
			return nil, fmt.Errorf("recipient %d: no outcome", s.Index)
		case s.Free && s.Outcome != sender.Failed || s.Pair && s.Outcome != sender.Throttled:
			return nil, fmt.Errorf("recipient %d: only Failed is free, and only Throttled a pair's", s.Index)
		default:
			all = append(all, outcome{place{s.Index, try}, ending{s.Outcome, s.Free, s.Pair}, string(s.Code), s.MessageID, millis(s.Time)})
		}
	}
	var record []byte
	if len(all) > 0 {
		record = appendOutcomes(nil, all)
	}
	if len(suppressed) > 0 {
		record = appendSuppression(record, suppressed)
	}
	return record, nil
}

// unknown is how many of the settlements leave a recipient in doubt.
func (c *Claim) unknown(settlements []Settlement) int {
	n := 0
	for k := range settlements {
		if settlements[k].Outcome == sender.Unknown && !c.resend {
			n++
		}
	}
	return n
}

func (c *Claim) settle(ctx context.Context, record []byte) (reopened bool, err error) {
	c.mu.Lock()
	err = c.fold.Add(c.known, string(record))
	c.mu.Unlock()
	if err != nil {
		return false, err
	}
	c.unrecorded = append(c.unrecorded, record...)
	return c.flush(ctx)
}

// flush records the outcomes that the fold holds and the journal does not.
func (c *Claim) flush(ctx context.Context) (reopened bool, err error) {
	var w written
	expired := false
	err = retryUntil(ctx, func() error {
		w, err = c.write(ctx, c.unrecorded, false)
		expired = errors.Is(err, ErrNotStaged)
		if expired {
			return nil
		}
		return err
	})
	if err != nil {
		return false, err
	}
	if expired { // long ago, and there is nothing left to record it in
		c.unrecorded, c.newInDoubt = nil, 0
		return false, nil
	}
	c.unrecorded = nil
	reopened = w.reopened
	if !w.fits {
		again, err := c.writeSummary(ctx)
		if err != nil {
			return false, err
		}
		reopened = reopened || again
	}
	c.notify()
	return reopened && !c.isDone(), nil
}

// notify tells of the doubts that are on record now; but where the batch has
// been claimed anew, that claim has told of them.
func (c *Claim) notify() {
	c.mu.Lock()
	newest := c.fold.Epoch() == c.Epoch
	c.mu.Unlock()
	if newest {
		c.l.onInDoubt(c.newInDoubt)
	}
	c.newInDoubt = 0
}

// write writes record and summary, and notes what the claim then knows.
func (c *Claim) write(ctx context.Context, record []byte, onlyIfFits bool) (written, error) {
	c.mu.Lock()
	s, wasPending := summaryOf(c.fold, c.known+len(record)), !c.done
	c.mu.Unlock()
	w, err := c.l.write(ctx, c.id, c.N, s, record, wasPending, onlyIfFits)
	if err == nil && w.fits {
		c.known = w.length
		c.mu.Lock()
		c.done = s.done()
		c.mu.Unlock()
	}
	return w, err
}

// writeSummary writes the summary of the whole journal, having read what others
// have appended, as often as they append.
func (c *Claim) writeSummary(ctx context.Context) (reopened bool, err error) {
	for {
		w, err := c.write(ctx, nil, true)
		if err != nil {
			return false, err
		}
		if w.fits {
			return w.reopened, nil
		}
		if err := c.catchUp(ctx, w.length, w.epoch); err != nil {
			return false, err
		}
	}
}

// catchUp brings the fold up to a journal of this length and to this epoch.
func (c *Claim) catchUp(ctx context.Context, length, epoch int) error {
	if length < c.known {
		return c.rebuild(ctx, epoch)
	}
	c.mu.Lock()
	c.fold.SetEpoch(epoch)
	c.mu.Unlock()
	return c.readTail(ctx)
}

// rebuild begins the fold anew: Redis has lost writes that it had acknowledged,
// as after a failover.
func (c *Claim) rebuild(ctx context.Context, epoch int) error {
	c.mu.Lock()
	c.fold.Reset(len(c.Recipients))
	c.fold.SetEpoch(epoch)
	c.known = 0
	c.mu.Unlock()
	return c.readTail(ctx)
}

// readTail adds the part of the journal that the fold does not hold.
func (c *Claim) readTail(ctx context.Context) error {
	tail, err := c.l.rdb.GetRange(ctx, keys.Journal(c.id, c.N), int64(c.known), -1).Result()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fold.Add(c.known, tail); err != nil {
		return ofBatch(c.N, err)
	}
	c.known += len(tail)
	return nil
}

// retryUntil repeats do until it succeeds or ctx ends. Whatever Redis answers may
// change: it is full, it loads its data, it is a replica yet.
func retryUntil(ctx context.Context, do func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := do()
		if err == nil {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		}
	}
}
