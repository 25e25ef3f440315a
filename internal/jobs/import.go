package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
)

// stagers is how many batches are on their way into the ledger at once.
const stagers = 4

// A Reader gives the batches of an input, as *batch.Reader does. The batches
// share no memory.
type Reader interface {
	Next() (*batch.Batch, error)
	Fingerprint() [32]byte
}

// An Import puts an input's batches into the ledger and the queue.
type Import struct {
	Ledger    *ledger.Ledger
	Campaigns *campaign.Store
	Queue     *Queue
	// Suppress tells which of a batch's numbers are suppressed; nil: none is.
	Suppress func(ctx context.Context, phones []string) ([]bool, error)
	// Index makes the index of a campaign's numbers, once it is launched; nil: none
	// is made.
	Index func(ctx context.Context, id string) error
	// Saw is told of each batch that was read; it may be nil.
	Saw func(*batch.Batch)
}

// Count reads the whole input without writing anything, and returns its plan.
func (im *Import) Count(ctx context.Context, r Reader) (campaign.Plan, error) {
	var p campaign.Plan
	for ctx.Err() == nil {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			p.Fingerprint = fmt.Sprintf("%x", r.Fingerprint())
			return p, nil
		}
		if err != nil {
			return p, err
		}
		if err := im.suppress(ctx, b); err != nil {
			return p, err
		}
		count(&p, b)
		im.saw(b)
	}
	return p, context.Cause(ctx)
}

// Run stages every batch, enqueues those that have recipients, and launches the
// campaign, which must be importing. It may be killed at any moment and run
// again with the same input: what is staged already is compared, and an input
// that differs is refused with ledger.ErrDiffers.
func (im *Import) Run(ctx context.Context, id string, r Reader) (campaign.Plan, error) {
	fingerprint, read, err := im.stage(ctx, id, r)
	if err != nil {
		return campaign.Plan{}, err
	}
	staged, err := im.Ledger.Staged(ctx, id)
	if err != nil {
		return campaign.Plan{}, err
	}
	if len(staged) != read {
		return campaign.Plan{}, fmt.Errorf("campaign %s: an earlier import staged %d batches and this input has %d: %w", id, len(staged), read, ledger.ErrDiffers)
	}
	plan := campaign.Plan{Fingerprint: fmt.Sprintf("%x", fingerprint), Batches: read}
	sizes := make([]int, read)
	for _, s := range staged {
		sizes[s.N] = s.Recipients
		plan.Recipients += s.Recipients
		plan.Invalid += s.Invalid
		plan.Duplicate += s.Duplicate
		plan.Suppressed += s.Suppressed
		if s.Recipients > 0 {
			plan.Tasks++
		}
	}
	plan.Rows = plan.Recipients + plan.Invalid + plan.Duplicate + plan.Suppressed
	// Enqueued before the launch: no worker takes them until the campaign runs,
	// and a launched campaign is never short of a task.
	if err := im.Queue.EnqueueAll(ctx, id, sizes); err != nil {
		return plan, err
	}
	if err := im.Campaigns.Launch(ctx, id, plan); err != nil {
		return plan, err
	}
	if _, err = im.Campaigns.Finish(ctx, id); err != nil { // an input without recipients
		return plan, err
	}
	if im.Index == nil {
		return plan, nil
	}
	// After the launch: nobody waits for it, and whoever misses it makes it.
	return plan, im.Index(ctx, id)
}

// stage reads the input to its end and stages its batches, several at once.
func (im *Import) stage(ctx context.Context, id string, r Reader) (fingerprint [32]byte, read int, err error) {
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan *batch.Batch, stagers)
	for range stagers {
		g.Go(func() error {
			for b := range batches {
				if err := im.stageOne(ctx, id, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(batches)
		for {
			b, err := r.Next()
			if errors.Is(err, io.EOF) {
				fingerprint = r.Fingerprint()
				return nil
			}
			if err != nil {
				return err
			}
			read++
			im.saw(b)
			select {
			case batches <- b:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
	err = g.Wait()
	return fingerprint, read, err
}

func (im *Import) stageOne(ctx context.Context, id string, b *batch.Batch) error {
	if err := im.suppress(ctx, b); err != nil {
		return err
	}
	_, err := im.Ledger.Stage(ctx, id, b)
	return err
}

// suppress moves the suppressed recipients of b to its skipped rows. The digest
// stays that of the input: the list may change between two runs of an import.
func (im *Import) suppress(ctx context.Context, b *batch.Batch) error {
	if im.Suppress == nil || len(b.Recipients) == 0 {
		return nil
	}
	phones := make([]string, len(b.Recipients))
	for i, r := range b.Recipients {
		phones[i] = r.Phone
	}
	suppressed, err := im.Suppress(ctx, phones)
	if err != nil {
		return fmt.Errorf("asking the suppression list: %w", err)
	}
	b.Suppress(suppressed)
	return nil
}

func (im *Import) saw(b *batch.Batch) {
	if im.Saw != nil {
		im.Saw(b)
	}
}

func count(p *campaign.Plan, b *batch.Batch) {
	p.Batches++
	p.Recipients += len(b.Recipients)
	if len(b.Recipients) > 0 {
		p.Tasks++
	}
	for _, s := range b.Skipped {
		switch s.Kind {
		case batch.Invalid:
			p.Invalid++
		case batch.Duplicate:
			p.Duplicate++
		case batch.Suppressed:
			p.Suppressed++
		}
	}
	p.Rows += len(b.Recipients) + len(b.Skipped)
}
