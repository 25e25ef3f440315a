package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// beginScript appends an intent or a withdrawal for the newest claim alone. The
// epoch tells claims apart, and the owner does where Redis has lost a claim and
// given its epoch to another worker.
//
//	KEYS  claims, campaign, journal, owners
//	ARGV  n, epoch, record, the state that the campaign must be in or "", worker
//	returns {0, the journal's length}, {1} if the claim is stale, or
//	        {2, the journal's length} if the campaign is in another state
func beginScript() *redis.Script {
	return redis.NewScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {1, 0} end
local owner = redis.call('HGET', KEYS[4], ARGV[1])
if owner and owner ~= ARGV[5] then return {1, 0} end
if ARGV[4] ~= '' and redis.call('HGET', KEYS[2], 'state') ~= ARGV[4] then
	return {2, redis.call('STRLEN', KEYS[3])}
end
return {0, redis.call('APPEND', KEYS[3], ARGV[3])}`)
}

// running is the one state in which anything may begin.
const running = "running"

// Begin records the intent to submit to these recipients, each of which must be
// pending. Only after it has returned nil may they be submitted to. It refuses
// with ErrStale where the batch has been claimed anew, with ErrNotRunning where
// the campaign is not running, and with ErrNotPending where a recipient is not
// pending. After any other error nothing may be submitted; whether the intent is
// on record is unknown, and Release sees to it.
func (c *Claim) Begin(ctx context.Context, indexes []int) error {
	if len(indexes) == 0 {
		return nil
	}
	if err := c.lock(ctx); err != nil {
		return fmt.Errorf("beginning submissions of batch %d of %s: %w", c.N, c.id, err)
	}
	defer c.unlock()
	if err := c.begin(ctx, indexes); err != nil {
		return fmt.Errorf("beginning submissions of batch %d of %s: %w", c.N, c.id, err)
	}
	return nil
}

func (c *Claim) begin(ctx context.Context, indexes []int) error {
	places, err := c.next(indexes)
	if err != nil {
		return err
	}
	record := appendIntent(nil, c.Epoch, c.resend, places)
	for _, p := range places {
		c.unsure[p.index] = p.try
	}
	whole, err := c.appendOwn(ctx, record, running)
	if err != nil {
		return err
	}
	for _, p := range places {
		c.tries[p.index] = p.try
		delete(c.unsure, p.index)
	}
	if whole {
		return nil
	}
	return c.reconsider(ctx, places)
}

// next are the next submissions to these recipients.
func (c *Claim) next(indexes []int) ([]place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	places := make([]place, len(indexes))
	seen := make(map[int]bool, len(indexes))
	for k, i := range indexes {
		if i < 0 || i >= len(c.Recipients) {
			return nil, fmt.Errorf("no recipient %d in a batch of %d", i, len(c.Recipients))
		}
		p, ok := c.fold.pending(i)
		if !ok || seen[i] {
			return nil, fmt.Errorf("recipient %d: %w", i, ErrNotPending)
		}
		seen[i] = true
		places[k] = place{i, p.Tries + 1}
	}
	return places, nil
}

// appendOwn appends a record of this claim and adds it to the fold. Whole says
// that the fold then knows the whole journal.
func (c *Claim) appendOwn(ctx context.Context, record []byte, state string) (whole bool, err error) {
	if state == running && c.l.memory.lacks(c.memory) {
		return false, ErrForgotten
	}
	touched := []string{keys.Claims(c.id), keys.Campaign(c.id), keys.Journal(c.id, c.N), keys.Owners(c.id)}
	reply, err := c.l.scripts.begin.Run(ctx, c.l.rdb, touched, c.N, c.Epoch, record, state, c.worker).Int64Slice()
	if err != nil {
		return false, err
	}
	if len(reply) != 2 {
		return false, fmt.Errorf("unexpected reply of %d values", len(reply))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch length := int(reply[1]); {
	case reply[0] == 1:
		clear(c.unsure) // whatever is on record is in doubt now
		return false, ErrStale
	case reply[0] == 2:
		// The command may have been sent twice, and refused the second time
		// alone; but if the journal has not grown, nothing is on record.
		if length == c.known {
			clear(c.unsure)
		}
		return false, ErrNotRunning
	case length < c.known+len(record):
		c.l.memory.missed(c.memory)
		return false, ErrForgotten
	case c.known+len(record) == length:
		c.known = length
		c.l.memory.note(c.memory, c.N, c.Epoch, length)
		return true, c.fold.Add(c.known, string(record))
	}
	return false, nil
}

// reconsider looks at an intent that somebody's record preceded: a late outcome
// or a resolution. If it made one of the recipients anything but pending, the
// whole intent is withdrawn.
func (c *Claim) reconsider(ctx context.Context, places []place) error {
	if err := c.readTail(ctx); err != nil {
		c.doubt(places)
		return err
	}
	c.mu.Lock()
	clean := true
	for _, p := range places {
		st := c.fold.Standing(p.index)
		clean = clean && st.State == InFlight
	}
	c.mu.Unlock()
	if clean {
		return nil
	}
	if err := c.withdraw(ctx, places); err != nil {
		return err
	}
	return ErrNotPending
}

// doubt notes that intents that are not acted on may be on record.
func (c *Claim) doubt(places []place) {
	for _, p := range places {
		c.unsure[p.index] = p.try
	}
}

// Withdraw records that submissions begun under this claim were never made; the
// recipients are as they were before. It refuses with ErrStale where the batch
// has been claimed anew: then they stay in doubt, for the new claim cannot know
// that they were not sent.
func (c *Claim) Withdraw(ctx context.Context, indexes []int) error {
	if len(indexes) == 0 {
		return nil
	}
	if err := c.lock(ctx); err != nil {
		return fmt.Errorf("withdrawing submissions of batch %d of %s: %w", c.N, c.id, err)
	}
	defer c.unlock()
	places := make([]place, len(indexes))
	for k, i := range indexes {
		try, err := c.begun(i)
		if err != nil {
			return fmt.Errorf("withdrawing submissions of batch %d of %s: %w", c.N, c.id, err)
		}
		places[k] = place{i, try}
	}
	if err := c.withdraw(ctx, places); err != nil {
		return fmt.Errorf("withdrawing submissions of batch %d of %s: %w", c.N, c.id, err)
	}
	return nil
}

// withdraw records a withdrawal. The counts do not change by it: in flight and
// waiting are both pending.
func (c *Claim) withdraw(ctx context.Context, places []place) error {
	c.doubt(places) // until it is on record, for Release to try again
	whole, err := c.appendOwn(ctx, appendWithdrawal(places), "")
	if err != nil {
		return err
	}
	for _, p := range places {
		delete(c.unsure, p.index)
	}
	if !whole {
		return c.readTail(ctx)
	}
	return nil
}

// clear records what is not on record yet: outcomes, and the withdrawal of intents that
// were not acted on and may be on record.
func (c *Claim) clear(ctx context.Context) error {
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	if len(c.unrecorded) > 0 {
		if _, err := c.flush(ctx); err != nil {
			return err
		}
	}
	if len(c.unsure) == 0 {
		return nil
	}
	places := make([]place, 0, len(c.unsure))
	for i, try := range c.unsure {
		places = append(places, place{i, try})
	}
	return c.withdraw(ctx, places)
}

// begun is the try under which this claim last began a submission to recipient i.
func (c *Claim) begun(i int) (int, error) {
	if i < 0 || i >= len(c.tries) || c.tries[i] == 0 {
		return 0, fmt.Errorf("recipient %d: no submission was begun under this claim", i)
	}
	return c.tries[i], nil
}
