package ledger

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// Totals are the account of a campaign. Rows are always the sum of Pending,
// Accepted, Rejected, InDoubt, Invalid, Duplicate and Suppressed, for what is
// pending is what the others leave over.
type Totals struct {
	Rows        int
	Recipients  int
	Pending     int // in flight among them
	Accepted    int
	Rejected    int
	InDoubt     int
	Invalid     int
	Duplicate   int
	Suppressed  int // at the import, or after it
	Batches     int
	BatchesDone int // batches without recipients among them
	Codes       map[string]int
}

// Totals sums the batches of a campaign and their summaries. It reads no
// journal, and costs two hashes and a set's size.
func (l *Ledger) Totals(ctx context.Context, id string) (Totals, error) {
	t := Totals{Codes: map[string]int{}}
	if err := l.total(ctx, id, &t); err != nil {
		return Totals{}, fmt.Errorf("reading the totals of %s: %w", id, err)
	}
	return t, nil
}

func (l *Ledger) total(ctx context.Context, id string, t *Totals) error {
	// The set and the summaries before the batches: a batch is staged before it
	// is summed, so that none is summed here that is not counted.
	done, err := l.Done(ctx, id)
	if err != nil {
		return err
	}
	late := 0 // those who were suppressed after the import
	err = l.eachField(ctx, keys.Summary(id), func(n int, text string) error {
		s, err := parseSummary(n, text)
		if err != nil {
			return err
		}
		late += s.Suppressed
		t.add(&s)
		return nil
	})
	if err != nil {
		return err
	}
	t.BatchesDone = done
	err = l.eachField(ctx, keys.Batches(id), func(n int, text string) error {
		s, err := decodeStaged(n, text)
		if err != nil {
			return err
		}
		t.Batches++
		if s.Recipients == 0 {
			t.BatchesDone++
		}
		t.Rows += s.Rows()
		t.Recipients += s.Recipients
		t.Invalid += s.Invalid
		t.Duplicate += s.Duplicate
		t.Suppressed += s.Suppressed
		return nil
	})
	t.Pending = t.Recipients - t.Accepted - t.Rejected - t.InDoubt - late
	return err
}

// Done is the number of batches that had recipients and have nothing pending.
func (l *Ledger) Done(ctx context.Context, id string) (int, error) {
	done, err := l.rdb.SCard(ctx, keys.Done(id)).Result()
	if err != nil {
		return 0, fmt.Errorf("counting the batches done of %s: %w", id, err)
	}
	return int(done), nil
}

// An OpenBatch is one that has recipients and is not done.
type OpenBatch struct {
	StagedBatch
	Epoch int    // of its newest claim; 0: there was none
	Owner string // the worker that has claimed it and not released it, alive or not
}

// Open are the batches that have recipients and are not done, by their number.
// Each of them needs a task in the queue, or a worker that has claimed it.
func (l *Ledger) Open(ctx context.Context, id string) ([]OpenBatch, error) {
	// The set before the rest: a batch that is done by then is not asked for.
	done, err := l.doneSet(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reading the batches done of %s: %w", id, err)
	}
	all, err := l.Staged(ctx, id)
	if err != nil {
		return nil, err
	}
	var open []OpenBatch
	for _, s := range all {
		if s.Recipients > 0 && !done[s.N] {
			open = append(open, OpenBatch{StagedBatch: s})
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	fields := make([]string, len(open))
	for i := range open {
		fields[i] = strconv.Itoa(open[i].N)
	}
	var owners, claims *redis.SliceCmd
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		owners, claims = p.HMGet(ctx, keys.Owners(id), fields...), p.HMGet(ctx, keys.Claims(id), fields...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading who has batches of %s: %w", id, err)
	}
	for i := range open {
		open[i].Owner, _ = owners.Val()[i].(string)
		text, _ := claims.Val()[i].(string)
		if open[i].Epoch, err = strconv.Atoi(cmp.Or(text, "0")); err != nil {
			return nil, fmt.Errorf("the epoch of batch %d of %s is no number", open[i].N, id)
		}
	}
	return open, nil
}
