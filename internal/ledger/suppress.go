package ledger

import (
	"context"
	"fmt"
)

// Suppress records that these recipients, who are pending, are submitted to neither now
// nor later: their numbers are on the suppression list. It refuses as Begin does, and
// nobody is ever in doubt by it. After another error it is to be done again.
func (c *Claim) Suppress(ctx context.Context, indexes []int) error {
	if len(indexes) == 0 {
		return nil
	}
	if err := c.lock(ctx); err != nil {
		return fmt.Errorf("suppressing recipients of batch %d of %s: %w", c.N, c.id, err)
	}
	defer c.unlock()
	if err := c.suppress(ctx, indexes); err != nil {
		return fmt.Errorf("suppressing recipients of batch %d of %s: %w", c.N, c.id, err)
	}
	return nil
}

func (c *Claim) suppress(ctx context.Context, indexes []int) error {
	places, err := c.next(indexes)
	if err != nil {
		return err
	}
	whole, err := c.appendOwn(ctx, appendSuppression(places), running)
	if err == nil && !whole {
		err = c.readTail(ctx) // whatever somebody else has said counts more, or as much
	}
	if err != nil {
		return err
	}
	if len(c.unrecorded) > 0 {
		_, err = c.flush(ctx)
	} else {
		_, err = c.writeSummary(ctx)
	}
	return err
}
