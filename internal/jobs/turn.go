package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
)

// turnEvery is how often a run that was superseded looks whether the import is its
// own again.
const turnEvery = 250 * time.Millisecond

// A turn is one run's right to import a campaign. A later run takes it; it comes
// back if that run ends before the launch.
type turn struct {
	id        string
	campaigns *campaign.Store

	mu         sync.Mutex // held while the turn is waited for: all of a run wait
	generation int
	stop       func() // ends the word that the run is alive
}

// takeTurn takes the import from whoever has it, or where nobody has.
func (im *Import) takeTurn(ctx context.Context, id string) (*turn, error) {
	t := &turn{id: id, campaigns: im.Campaigns}
	begin := t.campaigns.BeginImport
	if im.Idle {
		begin = t.campaigns.ResumeImport
	}
	generation, err := begin(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case generation == 0:
		return nil, ErrElsewhere
	}
	t.begin(ctx, generation)
	return t, nil
}

// begin has others know that the run of this generation is alive.
func (t *turn) begin(ctx context.Context, generation int) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var keeping sync.WaitGroup
	keeping.Go(func() { t.campaigns.KeepImport(ctx, t.id, generation) })
	t.generation, t.stop = generation, func() { cancel(); keeping.Wait() }
}

// end has the next run go on at once.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
}

// do does something under the run's generation; again, once the turn is this run's
// again, if a later run had it.
func (t *turn) do(ctx context.Context, something func(generation int) error) error {
	for {
		t.mu.Lock()
		generation := t.generation
		t.mu.Unlock()
		err := something(generation)
		if !errors.Is(err, ledger.ErrSuperseded) {
			return err
		}
		if err := t.await(ctx, generation); err != nil {
			return err
		}
	}
}

// await waits until the import is this run's again after that generation, or fails
// with ledger.ErrNotImporting once the campaign is launched or cancelled.
func (t *turn) await(ctx context.Context, generation int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.generation != generation {
		return nil // another of this run has waited already
	}
	tick := time.NewTicker(turnEvery)
	defer tick.Stop()
	for {
		generation, err := t.campaigns.ResumeImport(ctx, t.id)
		if err != nil {
			return err
		}
		if generation > 0 {
			t.stop()
			t.begin(ctx, generation)
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
