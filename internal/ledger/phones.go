package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// phonesAtOnce is how many batches' recipients are read in one pipeline.
const phonesAtOnce = 16

// Phones calls fn with the numbers of each staged batch that has recipients, in
// no order and from several goroutines at once. Phones[i] is recipient i's, the
// value of its digits; fn may not keep the slice.
func (l *Ledger) Phones(ctx context.Context, id string, staged []StagedBatch, fn func(n int, phones []uint64) error) error {
	g, ctx := errgroup.WithContext(ctx)
	chunks := make(chan []StagedBatch)
	g.Go(func() error {
		defer close(chunks)
		for some := range slices.Chunk(staged, phonesAtOnce) {
			select {
			case chunks <- some:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			phones := make([]uint64, 0, batch.MaxRecipients)
			for some := range chunks {
				if err := l.phones(ctx, id, some, phones, fn); err != nil {
					return fmt.Errorf("reading the numbers of %s: %w", id, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (l *Ledger) phones(ctx context.Context, id string, some []StagedBatch, phones []uint64, fn func(n int, phones []uint64) error) error {
	packed := make([]*redis.StringCmd, len(some))
	// Its error is that of some command; each is looked at below.
	_, _ = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range some {
			packed[i] = p.Get(ctx, keys.Recipients(id, s.N))
		}
		return nil
	})
	for i, s := range some {
		if s.Recipients == 0 {
			continue
		}
		text, err := packed[i].Result()
		if errors.Is(err, redis.Nil) {
			return &CorruptError{Kind: kindRecipients, Batch: s.N, Problem: "they are gone"}
		}
		if err != nil {
			return err
		}
		raw, err := l.zip.unpack(kindRecipients, text)
		if err != nil {
			return ofBatch(s.N, err)
		}
		if phones, err = decodeNumbers(phones[:0], raw); err != nil {
			return ofBatch(s.N, err)
		}
		if len(phones) != s.Recipients {
			return &CorruptError{Kind: kindRecipients, Batch: s.N, Problem: fmt.Sprintf("%d recipients, and %d were staged", len(phones), s.Recipients)}
		}
		if err := fn(s.N, phones); err != nil {
			return err
		}
	}
	return nil
}

// Rows are all rows of one batch, as Export gives them. A batch that is not
// there, as when it has expired, is ErrNotStaged.
func (l *Ledger) Rows(ctx context.Context, id string, n int) ([]Row, error) {
	s, err := l.stagedBatch(ctx, id, n)
	if err != nil {
		return nil, err
	}
	read, err := l.read(ctx, id, true, s)
	if err != nil {
		return nil, fmt.Errorf("reading batch %d of %s: %w", n, id, err)
	}
	revisions, err := l.revisions(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.rows(&read[0], s, revisions)
}

// stagedBatch is one of Staged, or ErrNotStaged.
func (l *Ledger) stagedBatch(ctx context.Context, id string, n int) (StagedBatch, error) {
	text, err := l.rdb.HGet(ctx, keys.Batches(id), strconv.Itoa(n)).Result()
	if errors.Is(err, redis.Nil) {
		err = ErrNotStaged
	}
	if err != nil {
		return StagedBatch{}, fmt.Errorf("reading batch %d of %s: %w", n, id, err)
	}
	return decodeStaged(n, text)
}
