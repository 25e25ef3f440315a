package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
)

// stagers is how many batches are on their way into the ledger at once.
const stagers = 4

// A Reader gives the batches of an input, as *batch.Reader does. The batches
// share no memory but texts, which nobody changes.
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
	// Bar tells why each of a batch's numbers is not to be sent to, "" where it is; nil:
	// none is barred.
	Bar func(ctx context.Context, phones []string) ([]string, error)
	// Index makes the index of a campaign's numbers, once it is launched; nil: none
	// is made.
	Index func(ctx context.Context, id string) error
	// Idle says that a run that is alive keeps the import: Run is ErrElsewhere then.
	Idle bool
	// Saw is told of each batch that was read; it may be nil.
	Saw func(*batch.Batch)
}

// ErrElsewhere says that another run has the import, and is alive.
var ErrElsewhere = errors.New("another process is importing it")

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

// Run stages every batch, launches the campaign, which must be importing, and
// enqueues the batches that have recipients. It may be killed at any moment and run
// again with the same input: what is staged already is compared, and an input that
// differs is refused with ledger.ErrDiffers.
//
// Of several runs at once the newest has the import; the others wait for it, and go
// on where they were if it ends before the launch. Once it has launched, a run of
// the same input has nothing left to do, and one of another is refused. Nothing of a
// run is enqueued before its own launch.
func (im *Import) Run(ctx context.Context, id string, r Reader) (campaign.Plan, error) {
	t, err := im.takeTurn(ctx, id)
	if err == nil {
		defer t.end()
		var plan campaign.Plan
		if plan, err = im.run(ctx, t, r); err == nil {
			return plan, im.enqueue(ctx, id)
		}
	}
	if errors.Is(err, ledger.ErrNotImporting) {
		return im.compare(ctx, id, r)
	}
	return campaign.Plan{}, err
}

// run stages and launches.
func (im *Import) run(ctx context.Context, t *turn, r Reader) (campaign.Plan, error) {
	fingerprint, read, err := im.stage(ctx, t, r)
	if err != nil {
		return campaign.Plan{}, err
	}
	var plan campaign.Plan
	err = t.do(ctx, func(generation int) error {
		staged, err := im.Ledger.Staged(ctx, t.id)
		if err != nil {
			return err
		}
		if len(staged) != read {
			return fmt.Errorf("campaign %s: an earlier import staged %d batches and this input has %d: %w", t.id, len(staged), read, ledger.ErrDiffers)
		}
		plan = planOf(staged)
		plan.Fingerprint = fmt.Sprintf("%x", fingerprint)
		return im.Campaigns.Launch(ctx, t.id, generation, plan)
	})
	return plan, err
}

// enqueue enqueues a campaign that has just been launched, and starts it if its
// time has come. Cut short, whoever runs the campaign finds the batches that have
// no task.
func (im *Import) enqueue(ctx context.Context, id string) error {
	// Beside the queue: nobody waits for the index, and whoever misses it makes it. So
	// that it could not be made, as in a Redis that is full, is no fault of the launch.
	var indexing sync.WaitGroup
	if im.Index != nil {
		indexing.Go(func() { _ = im.Index(ctx, id) })
	}
	err := im.fillQueue(ctx, id)
	indexing.Wait()
	return err
}

func (im *Import) fillQueue(ctx context.Context, id string) error {
	staged, err := im.Ledger.Staged(ctx, id)
	if err != nil {
		return err
	}
	sizes := make([]int, len(staged))
	for _, s := range staged {
		sizes[s.N] = s.Recipients
	}
	if err := im.Queue.EnqueueAll(ctx, id, sizes); err != nil {
		return err
	}
	if err := im.Campaigns.StartIfDue(ctx, id); err != nil {
		return err
	}
	_, err = im.Campaigns.Finish(ctx, id) // an input without recipients
	return err
}

// compare holds an input against a campaign that another run has launched.
func (im *Import) compare(ctx context.Context, id string, r Reader) (campaign.Plan, error) {
	counted, err := im.Count(ctx, r)
	if err != nil {
		return campaign.Plan{}, err
	}
	rec, err := im.Campaigns.Get(ctx, id)
	if err != nil {
		return campaign.Plan{}, err
	}
	switch {
	case rec.Plan.Fingerprint == "": // cancelled before it was launched
		return campaign.Plan{}, fmt.Errorf("importing %s: it is %s: %w", id, rec.State, campaign.ErrNotAllowed)
	case rec.Plan.Fingerprint != counted.Fingerprint:
		return campaign.Plan{}, fmt.Errorf("campaign %s: another run of its import has launched it: %w", id, ledger.ErrDiffers)
	}
	return rec.Plan, nil
}

// planOf are the numbers of what was staged.
func planOf(staged []ledger.StagedBatch) campaign.Plan {
	plan := campaign.Plan{Batches: len(staged)}
	for _, s := range staged {
		plan.Recipients += s.Recipients
		plan.Invalid += s.Invalid
		plan.Duplicate += s.Duplicate
		plan.Suppressed += s.Suppressed
		if s.Recipients > 0 {
			plan.Tasks++
		}
	}
	plan.Rows = plan.Recipients + plan.Invalid + plan.Duplicate + plan.Suppressed
	return plan
}

// stage reads the input to its end and stages its batches, several at once.
func (im *Import) stage(ctx context.Context, t *turn, r Reader) (fingerprint [32]byte, read int, err error) {
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan *batch.Batch, stagers)
	for range stagers {
		g.Go(func() error {
			for b := range batches {
				if err := im.stageOne(ctx, t, b); err != nil {
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

func (im *Import) stageOne(ctx context.Context, t *turn, b *batch.Batch) error {
	if err := im.suppress(ctx, b); err != nil {
		return err
	}
	return t.do(ctx, func(generation int) error {
		_, err := im.Ledger.Stage(ctx, t.id, generation, b)
		return err
	})
}

// suppress moves the suppressed recipients of b to its skipped rows. The digest
// stays that of the input: the list may change between two runs of an import.
func (im *Import) suppress(ctx context.Context, b *batch.Batch) error {
	if im.Suppress != nil && len(b.Recipients) > 0 {
		suppressed, err := im.Suppress(ctx, phonesOf(b))
		if err != nil {
			return fmt.Errorf("asking the suppression list: %w", err)
		}
		b.Suppress(suppressed)
	}
	if im.Bar != nil && len(b.Recipients) > 0 {
		reasons, err := im.Bar(ctx, phonesOf(b))
		if err != nil {
			return fmt.Errorf("asking other campaigns: %w", err)
		}
		b.Bar(reasons)
	}
	return nil
}

func phonesOf(b *batch.Batch) []string {
	phones := make([]string, len(b.Recipients))
	for i, r := range b.Recipients {
		phones[i] = r.Phone
	}
	return phones
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
