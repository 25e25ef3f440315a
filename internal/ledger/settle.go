package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// A Settlement is what a submission led to for one recipient.
type Settlement struct {
	Index   int // of the recipient in the batch
	Outcome sender.Outcome
	// Free says that a Failed costs no attempt: it was the outage's, and not the
	// recipient's. Pair says that a Throttled concerns this recipient alone.
	Free, Pair bool
	Code       sender.Code
	MessageID  string // only with Accepted
	Time       time.Time
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
	for k := range settlements {
		s := &settlements[k]
		try, err := c.begun(s.Index)
		if err != nil {
			return nil, err
		}
		switch {
		case s.Outcome < sender.Accepted || s.Outcome > sender.Denied:
			return nil, fmt.Errorf("recipient %d: no outcome", s.Index)
		case s.Free && s.Outcome != sender.Failed || s.Pair && s.Outcome != sender.Throttled:
			return nil, fmt.Errorf("recipient %d: only Failed is free, and only Throttled a pair's", s.Index)
		default:
			all = append(all, outcome{place{s.Index, try}, ending{s.Outcome, s.Free, s.Pair}, string(s.Code), s.MessageID, millis(s.Time)})
		}
	}
	return appendOutcomes(nil, all), nil
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
	if err := c.note(record); err != nil {
		return false, err
	}
	return c.flush(ctx)
}

// note adds outcomes to what the fold holds and the journal does not.
func (c *Claim) note(record []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fold.Add(c.known, string(record)); err != nil {
		return err
	}
	c.unrecorded = append(c.unrecorded, record...)
	return nil
}

// flush records the outcomes that the fold holds and the journal does not.
func (c *Claim) flush(ctx context.Context) (reopened bool, err error) {
	var w written
	expired := false
	err = retryUntil(ctx, func() error {
		w, err = c.write(ctx, c.unrecorded, false, nil)
		expired = errors.Is(err, ErrNotStaged)
		if expired {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return false, err
	case expired: // long ago, and there is nothing left to record it in
		c.unrecorded, c.newInDoubt = nil, 0
		return false, nil
	}
	return c.recorded(ctx, w)
}

// recorded notes that the journal holds what the fold does, and has the summary
// follow where it does not yet.
func (c *Claim) recorded(ctx context.Context, w written) (reopened bool, err error) {
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

// write writes record and summary, and an intent behind them where there is one,
// and notes what the claim then knows without that.
func (c *Claim) write(ctx context.Context, record []byte, onlyIfFits bool, begin []byte) (written, error) {
	c.mu.Lock()
	s, wasPending := summaryOf(c.fold, c.known+len(record)), !c.done
	c.mu.Unlock()
	w, err := c.l.write(ctx, c.id, c.N, s, record, wasPending, onlyIfFits, beginning{begin, c.worker, c.Epoch})
	if err == nil && w.length < c.known+len(record) {
		c.l.memory.missed(c.memory)
	}
	if err == nil && w.fits {
		c.known = w.length
		c.l.memory.note(c.memory, c.N, c.Epoch, w.length)
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
		w, err := c.write(ctx, nil, true, nil)
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
