package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// slotsLimit is the pace whose slots are looked at, and slotsFor how long a run takes.
const (
	slotsLimit = 500
	slotsFor   = 12
)

// slots measures which part of a limit is used, by the sandbox' log of arrivals, with
// nothing else on the machine and where two on each core want it. The peers pace
// themselves by x/time/rate, which knows one process alone.
func (b *bench) slots(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Slots\n\nnxcloud, %d a second, answers after 20 ms, whole campaigns of %d s: the average from the first arrival to the last, as a share\n"+
		"of the limit. The peers pace themselves by x/time/rate, which one process alone can. %d runs each, in turn.\n\n"+
		"| load made, a core | load seen | an asynq task a recipient, one process | Sluice, one worker | Sluice, three workers |\n|---|---|---|---|---|\n", slotsLimit, slotsFor, b.pairs)
	for _, spinners := range []int{0, 2} {
		var peer, one, three, seen spread
		for range b.pairs {
			for _, of := range []struct {
				to  *spread
				run func(context.Context) (float64, error)
			}{
				{&peer, b.slotsOfPeer},
				{&one, func(ctx context.Context) (float64, error) { return b.slotsOf(ctx, 1) }},
				{&three, func(ctx context.Context) (float64, error) { return b.slotsOf(ctx, 3) }},
			} {
				stop, err := spin(ctx, spinners)
				if err != nil {
					return err
				}
				used, err := of.run(ctx)
				seen = append(seen, perCore())
				stop()
				if err != nil {
					return err
				}
				*of.to = append(*of.to, 100*used)
			}
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %s |\n", spinners, seen.text("%.1f"), peer.text("%.1f %%"), one.text("%.1f %%"), three.text("%.1f %%"))
	}
	fmt.Fprintln(w)
	return nil
}

func (b *bench) slotsSite(ctx context.Context) (*site, error) {
	return b.open(ctx, fmt.Sprintf("in_flight: 64, messages_per_second: %d", slotsLimit), "--latency", "20ms")
}

func (b *bench) slotsOf(ctx context.Context, workers int) (float64, error) {
	s, err := b.slotsSite(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := s.list(slotsLimit * slotsFor); err != nil {
		return 0, err
	}
	if err := s.checked("slots"); err != nil {
		return 0, err
	}
	if _, _, err := s.producer(ctx, "send", "slots.yaml", "--no-preflight"); err != nil {
		return 0, err
	}
	for range workers {
		if err := s.worker(ctx); err != nil {
			return 0, err
		}
	}
	if err := s.awaitFinished(ctx, "slots"); err != nil {
		return 0, err
	}
	return s.slotsUsed(ctx)
}

func (b *bench) slotsOfPeer(ctx context.Context) (float64, error) {
	s, err := b.slotsSite(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := s.enqueue(ctx, slotsLimit*slotsFor); err != nil {
		return 0, err
	}
	if _, err := s.started(ctx, plainQueue{timeout: 15 * time.Second, limit: slotsLimit}); err != nil {
		return 0, err
	}
	if err := s.until(ctx, func() (bool, error) {
		n, err := s.redis.HLen(ctx, "outcomes").Result()
		return n == slotsLimit*slotsFor, err
	}); err != nil {
		return 0, err
	}
	return s.slotsUsed(ctx)
}

// slotsUsed is the part of the limit that was used from the first arrival to the last.
func (s *site) slotsUsed(ctx context.Context) (float64, error) {
	r, err := s.report(ctx)
	took := time.Duration(r.LastUS-r.FirstUS) * time.Microsecond
	return float64(r.Messages-1) / took.Seconds() / slotsLimit, err
}
