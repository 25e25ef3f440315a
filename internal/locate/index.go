// Package locate finds the recipients of a number: an index from numbers to the
// batches of each campaign, of four bytes a recipient. It is derived from the
// recipients alone and can be made again at any moment; what it gives are
// candidates, of which those that really are this person's are for the caller to
// tell, and it never leaves one out. It expires with the recipients.
package locate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

const (
	// pagesAtOnce is how many pages are built in one reading of the recipients: of
	// twelve million recipients, in some 60 MB. Of more, all are read again.
	pagesAtOnce = 12_000
	// writtenAtOnce is how many pages go to Redis in one pipeline.
	writtenAtOnce = 200
	// slack is the room of a page above the average: five deviations.
	slack = 160
)

// An Index finds the recipients of numbers in all campaigns of one Redis.
type Index struct {
	rdb      redis.UniversalClient
	ledger   *ledger.Ledger
	identity func(number uint64) uint64
	atOnce   int // pages
}

// New makes an Index on rdb. Identity is what all spellings of one person's
// number, the values of its digits, have in common.
func New(rdb redis.UniversalClient, l *ledger.Ledger, identity func(number uint64) uint64) *Index {
	return &Index{rdb: rdb, ledger: l, identity: identity, atOnce: pagesAtOnce}
}

// Build makes the index of a campaign whose import is complete, and returns how
// many of its pages were missing or wrong. It may be repeated, by several at once:
// the same recipients give the same index.
func (x *Index) Build(ctx context.Context, id string) (changed int, err error) {
	if changed, err = x.build(ctx, id); err != nil {
		return changed, fmt.Errorf("building the index of numbers of %s: %w", id, err)
	}
	return changed, nil
}

func (x *Index) build(ctx context.Context, id string) (changed int, err error) {
	staged, err := x.ledger.Staged(ctx, id)
	if err != nil || len(staged) == 0 {
		return 0, err // nothing was staged, or it has expired
	}
	s, err := shapeOf(staged)
	if err != nil {
		return 0, err
	}
	for first := 0; first < s.pages; first += x.atOnce {
		pages, err := x.collect(ctx, id, staged, s, first, min(x.atOnce, s.pages-first))
		if err != nil {
			return changed, err
		}
		n, err := x.write(ctx, id, first, pages)
		changed += n
		if err != nil {
			return changed, err
		}
	}
	was, err := x.rdb.Get(ctx, keys.Index(id)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return changed, err
	}
	if was != s.text() {
		changed++
		if err := x.rdb.Set(ctx, keys.Index(id), s.text(), redis.KeepTTL).Err(); err != nil {
			return changed, err
		}
	}
	if changed == 0 {
		return 0, nil
	}
	return changed, x.expire(ctx, id, s)
}

// collect reads the recipients, and keeps the records of some pages.
func (x *Index) collect(ctx context.Context, id string, staged []ledger.StagedBatch, s shape, first, n int) ([][]uint32, error) {
	const room = perPage + slack
	flat := make([]uint32, n*room)
	pages := make([][]uint32, n)
	for i := range pages {
		pages[i] = flat[i*room : i*room : (i+1)*room]
	}
	var mu sync.Mutex
	err := x.ledger.Phones(ctx, id, staged, func(b int, phones []uint64) error {
		var places [batch.MaxRecipients]int
		var records [batch.MaxRecipients]uint32
		for i, number := range phones {
			places[i], records[i] = s.place(x.identity(number))
		}
		mu.Lock()
		defer mu.Unlock()
		for i, p := range places[:len(phones)] {
			if p -= first; p >= 0 && p < n {
				pages[p] = append(pages[p], records[i]|uint32(b))
			}
		}
		return nil
	})
	return pages, err
}

// write writes those pages that are not there as they should be.
func (x *Index) write(ctx context.Context, id string, first int, pages [][]uint32) (changed int, err error) {
	for k := 0; k < len(pages); k += writtenAtOnce {
		some := pages[k:min(k+writtenAtOnce, len(pages))]
		names := make([]string, len(some))
		for i := range some {
			names[i] = keys.Phones(id, first+k+i)
		}
		there, err := x.rdb.MGet(ctx, names...).Result()
		if err != nil {
			return changed, err
		}
		_, err = x.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, records := range some {
				page := appendPage(make([]byte, 0, 4*len(records)), records)
				if text, _ := there[i].(string); text != string(page) {
					changed++
					p.Set(ctx, names[i], page, redis.KeepTTL)
				}
			}
			return nil
		})
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// expire has the index go with the batches, where those are to go already: it was
// not there when their time was set. Where they are gone, it goes at once.
func (x *Index) expire(ctx context.Context, id string, s shape) error {
	left, err := x.rdb.PTTL(ctx, keys.Batches(id)).Result()
	if err != nil || left == -1 {
		return err
	}
	if left < 0 {
		left = time.Millisecond
	}
	for k := 0; k <= s.pages; k += writtenAtOnce {
		_, err := x.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.PExpire(ctx, keys.Index(id), left)
			for n := k; n < min(k+writtenAtOnce, s.pages); n++ {
				p.PExpire(ctx, keys.Phones(id, n), left)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
