package receipt

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// Totals sums a campaign's receipts. They are of nobody whom an account does not
// count as accepted that is read afterwards.
func Totals(ctx context.Context, rdb redis.UniversalClient, id string) (Funnel, error) {
	sum := Funnel{Codes: map[string]int{}}
	err := eachFunnel(ctx, rdb, id, func(_ int, f Funnel, _ int) { sum.Add(&f) })
	if err != nil {
		return sum, fmt.Errorf("reading the receipts of %s: %w", id, err)
	}
	return sum, nil
}

// TotalsOf is Totals of a campaign of so many batches, in one round trip.
func TotalsOf(ctx context.Context, rdb redis.UniversalClient, id string, batches int) (Funnel, error) {
	sum := Funnel{Codes: map[string]int{}}
	var reads []*redis.SliceCmd
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		reads = ledger.Fields(ctx, p, keys.Funnel(id), batches)
		return nil
	})
	if err == nil {
		err = ledger.EachField(reads, func(n int, text string) error {
			f, _, _, err := parseFunnel(text)
			if err != nil {
				return fmt.Errorf("batch %d: %w", n, err)
			}
			sum.Add(&f)
			return nil
		})
	}
	if err != nil {
		return sum, fmt.Errorf("reading the receipts of %s: %w", id, err)
	}
	return sum, nil
}

// eachFunnel calls fn once for each batch that has receipts.
func eachFunnel(ctx context.Context, rdb redis.UniversalClient, id string, fn func(n int, f Funnel, logBytes int)) error {
	seen := map[string]bool{}
	var cursor uint64
	for {
		pairs, next, err := rdb.HScan(ctx, keys.Funnel(id), cursor, "", 1000).Result()
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if seen[pairs[i]] { // HSCAN may give a field twice
				continue
			}
			seen[pairs[i]] = true
			n, err := strconv.Atoi(pairs[i])
			if err != nil {
				return errFunnel
			}
			f, logBytes, _, err := parseFunnel(pairs[i+1])
			if err != nil {
				return fmt.Errorf("batch %d: %w", n, err)
			}
			fn(n, f, logBytes)
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// A Said is what receipts say of one recipient.
type Said struct {
	Status sender.Status // 0 for none
	Code   string        // of Undelivered
	// Probable says that the row is in doubt and a receipt speaks for it, which names its
	// number alone and so proves nothing.
	Probable bool
	// The times are zero where no receipt says so. A receipt of a later status says
	// nothing of an earlier one's.
	Sent, Delivered, Read time.Time
}

// Word is the status' word, "" for none; Probable's where it is that.
func (s *Said) Word() string {
	if s.Probable {
		return "probable"
	}
	if s.Status == 0 {
		return ""
	}
	return s.Status.String()
}

// A Reader tells what receipts say of the recipients of one campaign, batch by
// batch. It is not safe for use by many goroutines.
type Reader struct {
	rdb redis.UniversalClient
	id  string
	any bool
	n   int
	log *fold
	*codec
}

// NewReader makes a Reader.
func NewReader(ctx context.Context, rdb redis.UniversalClient, id string) (*Reader, error) {
	some, err := rdb.Exists(ctx, keys.Funnel(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the receipts of %s: %w", id, err)
	}
	return &Reader{rdb: rdb, id: id, any: some > 0, n: -1, codec: newCodec()}, nil
}

// Of is what receipts say of a row; of one that is not accepted they say nothing
// yet, but for Probable.
func (r *Reader) Of(ctx context.Context, row *ledger.Row) (Said, error) {
	doubt := row.State == ledger.InDoubt.String()
	if !r.any || row.MessageID == "" && !doubt || row.Index < 0 {
		return Said{}, nil
	}
	if r.log == nil || r.n != row.Batch {
		text, err := r.rdb.Get(ctx, keys.Receipts(r.id, row.Batch)).Result()
		if err != nil && err != redis.Nil { //nolint:errorlint // go-redis gives Nil as it is
			return Said{}, fmt.Errorf("reading the receipts of %s: %w", r.id, err)
		}
		f := newFold(recipientsMost)
		if err := r.entries(text, recipientsMost, func(e entry) { f.add(e) }); err != nil {
			return Said{}, fmt.Errorf("reading the receipts of batch %d of %s: %w", row.Batch, r.id, err)
		}
		r.n, r.log = row.Batch, f
	}
	if doubt {
		return Said{Probable: len(r.log.recipients[row.Index]) > 0}, nil
	}
	var ids []key
	for id := range strings.SplitSeq(row.MessageID, " + ") {
		ids = append(ids, keyOf(id))
	}
	s, _ := r.log.of(row.Index, slices.Clip(ids))
	said := Said{Status: s.status}
	if s.status == sender.Undelivered {
		said.Code = s.code
	}
	for _, t := range []struct {
		to *time.Time
		of sender.Status
	}{{&said.Sent, sender.Sent}, {&said.Delivered, sender.Delivered}, {&said.Read, sender.Read}} {
		if at := s.at[t.of]; at != 0 {
			*t.to = time.Unix(int64(at)-1, 0)
		}
	}
	return said, nil
}

// recipientsMost is the most recipients a batch has.
const recipientsMost = 1000
