package receipt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/keys"
)

// seedEvery is how often batches are looked for that others left unsettled.
const seedEvery = 5 * time.Minute

// Sweep counts anew the batches whose counts change without a receipt: an answer
// came after its receipt, or none will come and the receipt stands for it.
func (a *Applier) Sweep(ctx context.Context) error {
	if now := a.o.Now(); a.seeded.IsZero() || now.Sub(a.seeded) >= seedEvery {
		if err := a.seed(ctx); err != nil {
			return fmt.Errorf("looking for receipts that wait for an answer: %w", err)
		}
		a.seeded = now
	}
	all := make([]place, 0, len(a.book.unsettled))
	for at := range a.book.unsettled {
		all = append(all, at)
	}
	for some := range slices.Chunk(all, pagesAtOnce) {
		if err := a.recount(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// seed finds the batches that are unsettled by what Redis has of them: which were
// so, a process that is gone has taken with it. The logs of those that are quiet it
// makes compact. It costs two commands a batch, in pipelines of a campaign's HSCAN page
// each.
func (a *Applier) seed(ctx context.Context) error {
	if err := a.campaigns.read(ctx); err != nil {
		return err
	}
	for _, id := range a.campaigns.ids {
		if err := a.seedOne(ctx, id); err != nil {
			return fmt.Errorf("campaign %s: %w", id, err)
		}
	}
	return nil
}

// seedOne is seed for one campaign.
func (a *Applier) seedOne(ctx context.Context, id string) error {
	type counts struct {
		logBytes int // up to which they are what they should be
		last     int64
	}
	settled := map[int]counts{}
	err := eachFunnel(ctx, a.o.Redis, id, func(n int, f Funnel, logBytes int) {
		if f.Early == 0 {
			settled[n] = counts{logBytes, f.Last}
		}
	})
	if err != nil && !errors.Is(err, errFunnel) {
		return err
	}
	quiet := a.o.Now().Add(-quietFor).Unix()
	var cursor uint64
	for {
		pairs, next, err := a.o.Redis.HScan(ctx, keys.Batches(id), cursor, "", 1000).Result()
		if err != nil {
			return err
		}
		logs, err := a.book.logs(ctx, id, pairs)
		if err != nil {
			return err
		}
		var long []place
		for n, log := range logs {
			switch is := settled[n]; {
			case log.bytes == 0:
			case log.bytes != is.logBytes:
				a.book.unsettled[place{id, n}] = true
			case log.bytes-log.packed > shortBytes && is.last < quiet:
				long = append(long, place{id, n})
			}
		}
		if err := a.shrink(ctx, long); err != nil {
			return err
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// recount makes the counts of batches what follows from their logs and journals.
func (a *Applier) recount(ctx context.Context, places []place) error {
	var pages []*page
	for _, at := range places {
		p, err := a.book.open(ctx, at.campaign, at.n)
		if errors.Is(err, errGone) {
			delete(a.book.unsettled, at)
			continue
		}
		if err != nil {
			return err
		}
		pages = append(pages, p)
	}
	pages, err := a.refresh(ctx, pages)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if err := a.prove(ctx, p, false); err != nil {
			return err
		}
		err := a.book.apply(ctx, p, nil)
		if errors.Is(err, errGone) {
			delete(a.book.unsettled, place{p.Campaign, p.N})
		} else if err != nil {
			return err
		}
	}
	return nil
}
