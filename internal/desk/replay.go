package desk

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/receipt"
	"sluice/internal/sender"
	"sluice/internal/spool"
)

// A ReplayOrder says which callbacks are to be applied again.
type ReplayOrder struct {
	Dir      string    // a receiver's folder
	From, To time.Time // when they came in: from the one to before the other
	Sender   string    // of this one alone; of all if empty
	// DryRun counts them, and changes nothing.
	DryRun bool
}

// A Replayed is what came of a Replay.
type Replayed struct {
	Callbacks int `json:"callbacks"`
	// Receipts are how many receipts were applied, or could be read by a dry run.
	Receipts int `json:"receipts"`
	// Became is what became of receipts, by the words of the receiver's figures; of a
	// dry run only what could not be read.
	Became map[string]int `json:"became"`
}

// replayedAtOnce is how many callbacks are applied together.
const replayedAtOnce = 5000

func (d *Desk) replay(ctx context.Context, o ReplayOrder) (Replayed, error) {
	done := Replayed{Became: map[string]int{}}
	if !o.From.Before(o.To) {
		return done, invalid("--from must be before --to")
	}
	readers := map[string]sender.CallbackReader{}
	reader := func(name string) (sender.CallbackReader, bool) {
		if r, known := readers[name]; known {
			return r, r != nil
		}
		if s, err := d.open(name); err == nil { // else it is no sender any more
			readers[name], _ = s.Provider.(sender.CallbackReader)
		}
		return readers[name], readers[name] != nil
	}
	a := receipt.NewApplier(receipt.Options{
		Redis: d.redis, Now: d.now, Reader: reader, Effects: receipt.EffectsOn(d.redis, nil),
		Count: func(_, what string, n int) {
			if n > 0 {
				done.Became[what] += n
			}
		},
	})
	var some []spool.Record
	apply := func() error {
		if o.DryRun {
			done.Receipts += a.Try(some)
			some = nil
			return nil
		}
		err := a.Apply(ctx, some)
		some = nil
		return err
	}
	err := spool.Replay(o.Dir, o.From, o.To, func(r spool.Record) error {
		if o.Sender != "" && r.Sender != o.Sender {
			return nil
		}
		done.Callbacks++
		some = append(some, r)
		if len(some) < replayedAtOnce {
			return nil
		}
		return apply()
	})
	if err == nil {
		err = apply()
	}
	if err == nil && !o.DryRun {
		done.Receipts = done.Became["by_reference"] + done.Became["by_number"] + done.Became["early"]
		err = a.Sweep(ctx) // answers may be on record that were not when a receipt came
	}
	if err != nil {
		return done, fmt.Errorf("applying callbacks of %s again: %w", o.Dir, err)
	}
	return done, nil
}
