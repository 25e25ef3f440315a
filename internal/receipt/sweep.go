package receipt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

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
// so, a process that is gone has taken with it. It costs one command a batch, in
// pipelines of a campaign's HSCAN page each.
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
	settled := map[int]int{} // the log's length up to which the counts are what they should be
	err := eachFunnel(ctx, a.o.Redis, id, func(n int, f Funnel, logBytes int) {
		if f.Early == 0 {
			settled[n] = logBytes
		}
	})
	if err != nil && !errors.Is(err, errFunnel) {
		return err
	}
	var cursor uint64
	for {
		pairs, next, err := a.o.Redis.HScan(ctx, keys.Batches(id), cursor, "", 1000).Result()
		if err != nil {
			return err
		}
		lengths := map[int]*redis.IntCmd{}
		_, err = a.o.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := 0; i+1 < len(pairs); i += 2 {
				if n, err := strconv.Atoi(pairs[i]); err == nil {
					lengths[n] = p.StrLen(ctx, keys.Receipts(id, n))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for n, length := range lengths {
			if length.Val() > 0 && int(length.Val()) != settled[n] {
				a.book.unsettled[place{id, n}] = true
			}
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
