package ledger

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// A StagedBatch is a batch as it was staged.
type StagedBatch struct {
	N          int
	Digest     [16]byte
	Recipients int
	Invalid    int
	Duplicate  int
	Suppressed int
}

// Rows are all rows of the batch.
func (s *StagedBatch) Rows() int { return s.Recipients + s.Invalid + s.Duplicate + s.Suppressed }

// summed is what the batches hash holds of b, which must be one that a reader
// can have made.
func summed(b *batch.Batch) (StagedBatch, error) {
	s := StagedBatch{N: b.N, Digest: b.Digest, Recipients: len(b.Recipients)}
	if len(b.Recipients) > batch.MaxRecipients {
		return s, fmt.Errorf("%d recipients, and a batch holds %d", len(b.Recipients), batch.MaxRecipients)
	}
	row := 0
	for i := range b.Recipients {
		r := &b.Recipients[i]
		if len(r.Vars) != len(b.Recipients[0].Vars) {
			return s, fmt.Errorf("row %d has %d variables, and row %d has %d",
				r.Row, len(r.Vars), b.Recipients[0].Row, len(b.Recipients[0].Vars))
		}
		if r.Row <= row {
			return s, fmt.Errorf("row %d stands after row %d", r.Row, row)
		}
		row = r.Row
	}
	row = 0
	for i := range b.Skipped {
		if b.Skipped[i].Row <= row {
			return s, fmt.Errorf("row %d stands after row %d", b.Skipped[i].Row, row)
		}
		row = b.Skipped[i].Row
		switch b.Skipped[i].Kind {
		case batch.Invalid:
			s.Invalid++
		case batch.Duplicate:
			s.Duplicate++
		case batch.Suppressed:
			s.Suppressed++
		default:
			return s, fmt.Errorf("row %d is skipped for no known reason", row)
		}
	}
	return s, nil
}

// encode encodes all but the number: digest, recipients, invalid, duplicate,
// suppressed.
func (s *StagedBatch) encode() []byte {
	dst := append(make([]byte, 0, len(s.Digest)+8), s.Digest[:]...)
	for _, v := range [...]int{s.Recipients, s.Invalid, s.Duplicate, s.Suppressed} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	return dst
}

func decodeStaged(n int, text string) (StagedBatch, error) {
	s := StagedBatch{N: n}
	c := &cursor{kind: "batches", text: text}
	copy(s.Digest[:], c.take(len(s.Digest)))
	s.Recipients = c.number(batch.MaxRecipients)
	for _, v := range [...]*int{&s.Invalid, &s.Duplicate, &s.Suppressed} {
		*v = c.number(maxRow)
	}
	if c.more() {
		c.fail("bytes left over")
	}
	return s, ofBatch(n, c.err.orNil())
}

// Staged are the batches of a campaign that are staged, by their number.
func (l *Ledger) Staged(ctx context.Context, id string) ([]StagedBatch, error) {
	var all []StagedBatch
	err := l.eachField(ctx, keys.Batches(id), func(n int, text string) error {
		s, err := decodeStaged(n, text)
		all = append(all, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the batches of %s: %w", id, err)
	}
	slices.SortFunc(all, func(a, b StagedBatch) int { return cmp.Compare(a.N, b.N) })
	return all, nil
}

// fieldsAtOnce is how many fields of a hash are asked for in one command, so
// that reading a large one keeps nobody waiting.
const fieldsAtOnce = 1000

// eachField calls fn once for each field of a hash by batch number.
func (l *Ledger) eachField(ctx context.Context, key string, fn func(n int, value string) error) error {
	seen := map[int]bool{}
	var cursor uint64
	for {
		pairs, next, err := l.rdb.HScan(ctx, key, cursor, "", fieldsAtOnce).Result()
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			n, err := strconv.Atoi(pairs[i])
			if err != nil || n < 0 {
				return fmt.Errorf("%s: %q is no batch number", key, pairs[i])
			}
			if seen[n] { // HSCAN may give a field twice
				continue
			}
			seen[n] = true
			if err := fn(n, pairs[i+1]); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}
