package ledger

import (
	"context"
	"fmt"
)

// Turn records settlements as Settle does, and then the intent to submit to the
// recipients of indexes as Begin does: in one round trip, where nobody else has
// written for the batch meanwhile. Refused is why nothing was begun; err is why
// outcomes are not on record yet, and then nothing was begun either. Both calls'
// words on errors hold.
func (c *Claim) Turn(ctx context.Context, settlements []Settlement, indexes []int) (reopened bool, refused, err error) {
	switch {
	case len(settlements) == 0:
		return false, c.Begin(ctx, indexes), nil
	case len(indexes) == 0:
		reopened, err = c.Settle(ctx, settlements)
		return reopened, err, err
	}
	if err := c.lock(ctx); err != nil {
		err = fmt.Errorf("settling batch %d of %s: %w", c.N, c.id, err)
		return false, err, err
	}
	defer c.unlock()
	record, err := c.outcomes(settlements)
	if err == nil {
		c.newInDoubt += c.unknown(settlements)
		if err = c.note(record); err == nil {
			reopened, refused, err = c.turn(ctx, indexes)
		}
	}
	if err != nil {
		err = fmt.Errorf("settling batch %d of %s: %w", c.N, c.id, err)
		return false, err, err
	}
	if refused != nil {
		refused = fmt.Errorf("beginning submissions of batch %d of %s: %w", c.N, c.id, refused)
	}
	return reopened, refused, nil
}

func (c *Claim) turn(ctx context.Context, indexes []int) (reopened bool, refused, err error) {
	places, refused := c.next(indexes)
	if refused != nil {
		reopened, err = c.flush(ctx)
		return reopened, refused, err
	}
	record := appendIntent(nil, c.Epoch, c.resend, places)
	c.doubt(places) // until it is known whether it is on record
	w, refused := c.write(ctx, c.unrecorded, false, record)
	if refused != nil {
		reopened, err = c.flush(ctx) // the outcomes alone
		return reopened, refused, err
	}
	if reopened, err = c.recorded(ctx, w); err != nil {
		return false, nil, err
	}
	if !w.fits {
		// Somebody else has written, which the claim has read by now; or the command
		// was sent twice, and these recipients are in flight by an intent that is
		// nobody's. Release withdraws that.
		return reopened, c.begin(ctx, indexes), nil
	}
	for _, p := range places {
		delete(c.unsure, p.index)
	}
	switch w.refused {
	case 1:
		clear(c.unsure) // whatever is on record is in doubt now
		return reopened, ErrStale, nil
	case 2:
		return reopened, ErrNotRunning, nil
	}
	for _, p := range places {
		c.tries[p.index] = p.try
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.fold.Add(c.known, string(record))
	c.known += len(record)
	c.l.memory.note(c.memory, c.N, c.Epoch, c.known)
	return reopened, nil, err
}
