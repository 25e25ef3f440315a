package ledger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// A Counted is a campaign whose batches are all staged, and numbered from 0: what its
// import has counted.
type Counted struct {
	ID string
	// Rows to Batches of it are as Totals has them.
	Rows, Recipients, Invalid, Duplicate, Suppressed, Batches int
	Tasks                                                     int // batches with recipients
}

// TotalsOf are the Totals of campaigns of any size in one round trip for all of them;
// zero of those whose rows have expired.
func (l *Ledger) TotalsOf(ctx context.Context, all ...Counted) ([]Totals, error) {
	if len(all) == 0 {
		return nil, nil
	}
	staged, done := make([]*redis.IntCmd, len(all)), make([]*redis.IntCmd, len(all))
	summaries := make([][]*redis.SliceCmd, len(all))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range all {
			done[i] = p.SCard(ctx, keys.Done(c.ID)) // before the summaries, as Totals
			summaries[i] = Fields(ctx, p, keys.Summary(c.ID), c.Batches)
			staged[i] = p.Exists(ctx, keys.Batches(c.ID))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the totals of %d campaigns: %w", len(all), err)
	}
	totals := make([]Totals, len(all))
	for i, c := range all {
		t := &totals[i]
		t.Codes = map[string]int{}
		if staged[i].Val() == 0 {
			continue
		}
		t.Rows, t.Recipients, t.Invalid, t.Duplicate, t.Suppressed, t.Batches = c.Rows, c.Recipients, c.Invalid, c.Duplicate, c.Suppressed, c.Batches
		t.BatchesDone = int(done[i].Val()) + c.Batches - c.Tasks
		late := 0
		err := EachField(summaries[i], func(n int, text string) error {
			s, err := parseSummary(n, text)
			late += s.Suppressed
			t.add(&s)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading the totals of %s: %w", c.ID, err)
		}
		t.Pending = t.Recipients - t.Accepted - t.Rejected - t.InDoubt - late
	}
	return totals, nil
}

// add adds a batch's summary.
func (t *Totals) add(s *summary) {
	t.Accepted += s.Accepted
	t.Rejected += s.Rejected
	t.InDoubt += s.InDoubt
	t.Suppressed += s.Suppressed
	for code, k := range s.Codes {
		t.Codes[code] += k
	}
}

// Fields puts into p what reads the fields 0 to n-1 of a hash by batch number, so many
// at once that it keeps nobody waiting.
func Fields(ctx context.Context, p redis.Pipeliner, key string, n int) []*redis.SliceCmd {
	var reads []*redis.SliceCmd
	for from := 0; from < n; from += fieldsAtOnce {
		fields := make([]string, 0, fieldsAtOnce)
		for k := from; k < min(from+fieldsAtOnce, n); k++ {
			fields = append(fields, strconv.Itoa(k))
		}
		reads = append(reads, p.HMGet(ctx, key, fields...))
	}
	return reads
}

// EachField calls fn for each field that Fields has found.
func EachField(reads []*redis.SliceCmd, fn func(n int, value string) error) error {
	for i, read := range reads {
		for k, v := range read.Val() {
			if text, ok := v.(string); ok {
				if err := fn(i*fieldsAtOnce+k, text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
