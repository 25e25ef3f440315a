package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
)

const (
	// guardEvery is how often a worker looks whether Redis has what it has seen.
	guardEvery = 1500 * time.Millisecond
	// doubtFor is how long nothing is begun where another Redis answers than before:
	// each worker has found it, and looked for its own, by then.
	doubtFor = 6 * time.Second
)

// guard holds Redis against what this worker has seen of it, until ctx ends. A
// Redis that was restored, or lost what it had acknowledged, would have recipients
// submitted to again: the campaigns concerned are halted, and a person decides.
func (w *Worker) guard(ctx context.Context) {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.look:
		case <-tick.C:
		}
		if err := w.lookBack(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn().Err(err).Msg("could not see whether Redis has forgotten anything; it is tried again")
		}
	}
}

// lookBack looks once. While this worker does not know whether it is the Redis that
// it was, all that it has seen is asked for, and nothing is begun: until it has all
// been found, and each worker has had the time to look for its own. Only what it asks
// about the batches, which may be many, takes longer than beatWithin.
func (w *Worker) lookBack(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	doubted := w.heartbeat.doubted.Load()
	if was := w.back.Swap(nil); was != nil {
		if err := w.haltRunning(short, *was); err != nil {
			w.back.CompareAndSwap(nil, was)
			return err
		}
	}
	briefs, err := w.Campaigns.Briefs(short, w.Ledger.Remembered(doubted != nil)...)
	if err != nil {
		return err
	}
	// One that is not there has nobody to send to; given again, it is looked at again.
	for _, b := range briefs {
		if err := w.lookBackAt(ctx, b, doubted != nil); err != nil {
			return err
		}
	}
	if doubted != nil && time.Since(*doubted) > doubtFor {
		w.heartbeat.doubted.CompareAndSwap(doubted, nil)
	}
	return nil
}

// lookBackAt looks for what this worker has seen of one campaign.
func (w *Worker) lookBackAt(ctx context.Context, b campaign.Brief, all bool) error {
	if b.State.Over() {
		w.Ledger.Forget(b.ID) // its rows may expire
		return nil
	}
	less, err := w.Ledger.Forgotten(ctx, b.ID, all)
	if err != nil || !less {
		return err
	}
	short, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	return w.haltRestored(short, b.ID, "")
}

// haltRunning halts all campaigns that run: Redis knows nothing of what was done
// since its state is from.
func (w *Worker) haltRunning(ctx context.Context, from time.Time) error {
	active, err := w.Campaigns.Active(ctx)
	if err != nil {
		return err
	}
	age := "of unknown age"
	if !from.IsZero() {
		age = w.now().Sub(from).Round(time.Second).String() + " old"
	}
	for _, b := range active {
		if b.State == campaign.Running {
			if err := w.haltRestored(ctx, b.ID, age); err != nil {
				return err
			}
		}
	}
	return nil
}

// haltRestored halts a campaign of which Redis has forgotten something.
func (w *Worker) haltRestored(ctx context.Context, id, age string) error {
	if age == "" {
		age = "older than what this worker has seen of it"
	}
	reason := fmt.Sprintf("Redis was restored, its state is %s: %s; then `producer resume %s`", age, campaign.RestoredMeans, id)
	moved, err := w.Campaigns.Halt(ctx, id, campaign.CodeRestored, reason)
	if err != nil {
		return err
	}
	w.Ledger.Forget(id) // whoever resumes it has been told
	if moved {
		w.Log.Error().Str("campaign", id).Str("code", campaign.CodeRestored).Str("reason", reason).Msg("campaign halted")
	}
	return nil
}

// beaten takes in a heartbeat that was given. One that Redis has forgotten was given
// since its state is from.
func (w *Worker) beaten(b ledger.Beat) {
	// One that is not there at all may only be an hour old.
	if last := w.lastBeat; !last.IsZero() && b.Was.Before(last) && (!b.Was.IsZero() || w.heartbeat.doubted.Load() != nil) {
		w.back.Store(&b.Was)
		w.doubt()
	}
	w.lastBeat = b.At
}

// doubt has nothing begun until this worker knows that Redis has all that it had.
func (w *Worker) doubt() {
	w.heartbeat.doubt()
	select {
	case w.look <- struct{}{}:
	default:
	}
}

// lookAtTheStart halts all campaigns that run where the last heartbeat is older than
// RestoredAfter, no worker stopped in order since, and Redis has not been up for so
// long: then it is likely to be an older one than the workers had.
func (w *Worker) lookAtTheStart(ctx context.Context) error {
	if w.RestoredAfter <= 0 {
		return nil
	}
	last, err := w.Ledger.LastBeat(ctx)
	if err != nil {
		return err
	}
	age := w.now().Sub(last)
	if last.IsZero() || age <= w.RestoredAfter {
		return nil
	}
	if rested, err := w.Ledger.Rested(ctx); err != nil || rested {
		return err
	}
	up, err := w.Ledger.Up(ctx)
	switch {
	case errors.Is(err, ledger.ErrUncheckable): // then it may have been restored
	case err != nil:
		return err
	case up >= age:
		return nil
	}
	return w.haltRunning(ctx, last)
}
