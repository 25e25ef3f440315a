package receipt

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// A Problem is a batch whose receipts are not what they should be.
type Problem struct {
	Batch    int
	Text     string
	Repaired bool
}

// Verify makes the counts of a campaign's receipts anew from their logs and its
// journals, and tells report where those in Redis were missing or others. Counts that
// are merely behind are brought up and are no problem; a log that cannot be read is
// one that stays. It may run beside receivers.
func Verify(ctx context.Context, rdb redis.UniversalClient, now func() time.Time, id string, report func(Problem)) error {
	b := newBook(rdb, ledger.New(rdb, now))
	var cursor uint64
	for {
		pairs, next, err := rdb.HScan(ctx, keys.Batches(id), cursor, "", 1000).Result()
		if err != nil {
			return fmt.Errorf("verifying the receipts of %s: %w", id, err)
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			n, err := strconv.Atoi(pairs[i])
			if err != nil {
				continue
			}
			if err := b.verify(ctx, id, n, report); err != nil {
				return fmt.Errorf("verifying the receipts of %s: %w", id, err)
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// steady is a page and the counts in Redis, of one moment: receivers may be at work.
func (b *book) steady(ctx context.Context, id string, n int) (p *page, counts string, err error) {
	for range tries {
		was, err := b.rdb.HGet(ctx, keys.Funnel(id), field(n)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, "", err
		}
		if p, err = b.open(ctx, id, n); err != nil {
			return nil, "", err
		}
		if err := b.refresh(ctx, []*page{p}); err != nil {
			return nil, "", err
		}
		counts, err = b.rdb.HGet(ctx, keys.Funnel(id), field(n)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, "", err
		}
		if counts == was {
			break
		}
	}
	return p, counts, nil
}

// verify is Verify for one batch.
func (b *book) verify(ctx context.Context, id string, n int, report func(Problem)) error {
	length, err := b.rdb.StrLen(ctx, keys.Receipts(id, n)).Result()
	if err != nil {
		return err
	}
	was, err := b.rdb.HGet(ctx, keys.Funnel(id), field(n)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	if length == 0 && was == "" {
		return nil
	}
	p, was, err := b.steady(ctx, id, n)
	if errors.Is(err, errGone) {
		return nil
	}
	if damaged(err) {
		report(Problem{Batch: n, Text: "its receipts cannot be read: " + err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	f := p.funnel()
	if was == f.text(p.logBytes, p.Outcome()) {
		return nil
	}
	_, logBytes, journalBytes, bad := parseFunnel(was)
	behind := bad == nil && logBytes <= p.logBytes && journalBytes <= p.Outcome() && (logBytes < p.logBytes || journalBytes < p.Outcome())
	if bad == nil && journalBytes > p.Outcome() { // of a journal that there is no more: nothing older would be written over it
		if err := b.rdb.HDel(ctx, keys.Funnel(id), field(n)).Err(); err != nil {
			return err
		}
	}
	if err := b.apply(ctx, p, nil); err != nil {
		if errors.Is(err, errGone) {
			return nil
		}
		return err
	}
	if later := b.unsettled[place{id, n}] && p.counted == (counted{}); !behind && !later {
		report(Problem{Batch: n, Text: "the counts of its receipts were missing or not what they say", Repaired: true})
	}
	return nil
}
