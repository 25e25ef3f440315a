package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// A Claim is a worker's right to begin submissions of one batch, until another
// claim of the batch is made. It is safe for use by many goroutines.
type Claim struct {
	Epoch      int
	N          int
	Recipients []batch.Recipient // not to be changed

	l      *Ledger
	memory *remembered // of the campaign, as it was claimed
	id     string
	worker string
	resend bool
	left   int // recipients whom the claim before left in flight, in doubt now

	// mutex is held for each change of the journal, so that the claim knows
	// whether somebody else's records lie between two of its own. Who holds it may
	// change the fields up to mu. It is a channel so that a context can end the
	// wait for it.
	mutex chan struct{}
	known int // the first bytes of the journal that the fold holds
	// unrecorded are the outcomes in the fold that are not in the journal yet.
	unrecorded []byte
	// tries are the submissions begun under this claim, by recipient; unsure are
	// those whose intent may be on record though nobody acts on it.
	tries      []int
	unsure     map[int]int
	newInDoubt int // outcomes in unrecorded that leave a recipient in doubt

	mu   sync.Mutex // guards what follows
	fold *Fold
	done bool // as this claim last wrote it
}

// claimScript raises a batch's epoch and takes it for a worker.
//
//	KEYS  claims, owners, done, recipients, journal, summary, batches, campaign
//	ARGV  n, worker, an owner that is known to be gone or "", how much longer in ms
//	      the rest outlives the batches where those expire, the message's revision or
//	      0 for any
//	returns {"done"}, {"revised"}, {"held", owner}, {"missing"}, or
//	        {"ok", epoch, recipients, journal, summary}
func claimScript() *redis.Script {
	return redis.NewScript(`
if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return {'done'} end
if ARGV[5] ~= '0' and (redis.call('HGET', KEYS[8], 'revision') or '1') ~= ARGV[5] then return {'revised'} end
local owner = redis.call('HGET', KEYS[2], ARGV[1])
if owner and owner ~= ARGV[2] and owner ~= ARGV[3] then return {'held', owner} end
local recipients = redis.call('GET', KEYS[4])
if not recipients then return {'missing'} end
local epoch = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local ttl = redis.call('PTTL', KEYS[7])
if ttl >= 0 then
	redis.call('PEXPIRE', KEYS[1], ttl + ARGV[4])
	redis.call('PEXPIRE', KEYS[2], ttl + ARGV[4])
end
return {'ok', epoch, recipients, redis.call('GET', KEYS[5]) or '', redis.call('HGET', KEYS[6], ARGV[1]) or ''}`)
}

// Claim takes batch n for a worker under the next epoch, so that no earlier
// claim can begin anything any more; what those left without an outcome is in
// doubt from now on. Resend is the campaign's on_doubt. It refuses with ErrDone a
// batch that has nothing pending, with ErrHeld one that a living worker has
// claimed and not released, and with ErrNotStaged one that is not there or has
// no recipients. A worker takes over its own claims.
func (l *Ledger) Claim(ctx context.Context, id string, n int, worker string, resend bool) (*Claim, error) {
	return l.ClaimRevision(ctx, id, n, worker, resend, 0)
}

// ClaimRevision is Claim for submissions of one revision of the campaign's message,
// and refuses with ErrRevised where that is not the one that is to be sent. When a
// message is amended the claims that there are become stale, so that no revision is
// sent but the newest. 0 is any revision.
func (l *Ledger) ClaimRevision(ctx context.Context, id string, n int, worker string, resend bool, revision int) (*Claim, error) {
	reply, err := l.claim(ctx, id, n, worker, revision)
	if err != nil {
		return nil, fmt.Errorf("claiming batch %d of %s: %w", n, id, err)
	}
	c, err := l.open(id, n, reply)
	if err == nil {
		c.worker, c.resend, c.memory = worker, resend, reply.memory
		err = c.renewSummary(ctx, reply.summary)
	}
	if err == nil {
		l.onInDoubt(c.left)
	}
	if err != nil {
		err = errors.Join(err, l.release(ctx, id, n, reply.epoch))
		return nil, fmt.Errorf("claiming batch %d of %s: %w", n, id, err)
	}
	if c.done {
		return nil, fmt.Errorf("claiming batch %d of %s: %w", n, id, ErrDone)
	}
	return c, nil
}

// A claimReply is what claimScript returns with "ok".
type claimReply struct {
	epoch                        int
	recipients, journal, summary string
	memory                       *remembered
}

// claim runs claimScript, again if the owner turns out to be gone.
func (l *Ledger) claim(ctx context.Context, id string, n int, worker string, revision int) (claimReply, error) {
	touched := []string{keys.Claims(id), keys.Owners(id), keys.Done(id), keys.Recipients(id, n), keys.Journal(id, n), keys.Summary(id), keys.Batches(id), keys.Campaign(id)}
	gone, memory := "", l.memory.of(id)
	for {
		seen := l.memory.mark(memory, n)
		values, err := l.scripts.claim.Run(ctx, l.rdb, touched, n, worker, gone, rowsOutlive.Milliseconds(), revision).Slice()
		if err != nil {
			return claimReply{}, err
		}
		switch values[0] {
		case "done":
			return claimReply{}, ErrDone
		case "revised":
			return claimReply{}, ErrRevised
		case "missing":
			return claimReply{}, ErrNotStaged
		case "ok":
			var r claimReply
			r.memory = memory
			epoch, _ := values[1].(int64)
			r.epoch = int(epoch)
			r.recipients, _ = values[2].(string)
			r.journal, _ = values[3].(string)
			r.summary, _ = values[4].(string)
			l.memory.note(memory, n, r.epoch, len(r.journal))
			if r.epoch <= seen.epoch || len(r.journal) < seen.length {
				l.memory.missed(memory) // and so this claim begins nothing
			}
			return r, nil
		}
		owner, _ := values[1].(string)
		alive, err := l.rdb.Exists(ctx, keys.Worker(owner)).Result()
		if err != nil {
			return claimReply{}, err
		}
		if alive > 0 {
			return claimReply{}, ErrHeld
		}
		gone = owner
	}
}

// open decodes what a claim got.
func (l *Ledger) open(id string, n int, r claimReply) (*Claim, error) {
	raw, err := l.zip.unpack(kindRecipients, r.recipients)
	if err != nil {
		return nil, ofBatch(n, err)
	}
	recipients, err := decodeRecipients(raw)
	if err != nil {
		return nil, ofBatch(n, err)
	}
	fold := NewFold(len(recipients))
	fold.SetEpoch(r.epoch - 1)
	if err := fold.Add(0, r.journal); err != nil {
		return nil, ofBatch(n, err)
	}
	before := fold.Counts().InDoubt
	fold.SetEpoch(r.epoch)
	return &Claim{
		Epoch: r.epoch, N: n, Recipients: recipients,
		l: l, id: id, left: fold.Counts().InDoubt - before, mutex: make(chan struct{}, 1),
		known: len(r.journal), tries: make([]int, len(recipients)), unsure: map[int]int{}, fold: fold,
	}, nil
}

// renewSummary writes the summary if it is not what follows from the journal under
// the new epoch: the claim before may have ended without having written it, and
// what it left in flight is in doubt now.
func (c *Claim) renewSummary(ctx context.Context, text string) error {
	was, err := parseSummary(c.N, text)
	now := summaryOf(c.fold, c.known)
	if text == "" {
		was, err = summaryOf(NewFold(len(c.Recipients)), 0), nil
	}
	if err == nil && was.equal(&now.Counts) && !now.done() {
		return nil
	}
	_, err = c.writeSummary(ctx)
	return err
}

// Pending are the recipients that wait for a submission, by index, as far as
// the claim knows: records of others are learnt with the next change.
func (c *Claim) Pending() iter.Seq2[int, Pending] {
	return func(yield func(int, Pending) bool) {
		for i := range c.Recipients {
			c.mu.Lock()
			p, ok := c.fold.pending(i)
			c.mu.Unlock()
			if ok && !yield(i, p) {
				return
			}
		}
	}
}

// Counts counts the batch's recipients, as far as the claim knows.
func (c *Claim) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fold.Counts()
}

// lock waits for the mutex.
func (c *Claim) lock(ctx context.Context) error {
	select {
	case c.mutex <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Claim) unlock() { <-c.mutex }

// releaseScript gives a batch back, and the memory that appending to its
// journal had set aside.
//
//	KEYS  claims, owners, journal
//	ARGV  n, epoch
//	returns 1, or 0 if the batch has been claimed anew
func releaseScript() *redis.Script {
	return redis.NewScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
local journal = redis.call('GET', KEYS[3])
if journal then redis.call('SET', KEYS[3], journal, 'KEEPTTL') end
return 1`)
}

// Release gives the batch back if it is still this claim's. Before, it records
// outcomes that could not be recorded, and withdraws intents whose recording had
// an unknown end and which nobody acted on.
func (c *Claim) Release(ctx context.Context) error {
	if err := c.clear(ctx); err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("releasing batch %d of %s: %w", c.N, c.id, err)
	}
	if c.isDone() {
		return nil // given back and trimmed already, with the last outcome
	}
	if err := c.l.release(ctx, c.id, c.N, c.Epoch); err != nil {
		return fmt.Errorf("releasing batch %d of %s: %w", c.N, c.id, err)
	}
	return nil
}

func (l *Ledger) release(ctx context.Context, id string, n, epoch int) error {
	touched := []string{keys.Claims(id), keys.Owners(id), keys.Journal(id, n)}
	return l.scripts.release.Run(ctx, l.rdb, touched, n, epoch).Err()
}

func (c *Claim) isDone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}
