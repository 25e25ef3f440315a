package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// A readBatch is what Redis holds of a batch. Its parts are read at about one
// moment: a write that depends on them must be guarded.
type readBatch struct {
	journal string
	summary string
	epoch   int
	done    bool

	recipients, skipped string // only where all of it was asked for
}

// read reads batches, all of each or only what changes.
func (l *Ledger) read(ctx context.Context, id string, all bool, staged ...StagedBatch) ([]readBatch, error) {
	type asked struct {
		epoch, journal, summary, recipients, skipped *redis.StringCmd
		done                                         *redis.BoolCmd
	}
	cmds := make([]asked, len(staged))
	// Its error is that of some command; each is looked at below.
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range staged {
			field, a := strconv.Itoa(s.N), &cmds[i]
			// The epoch before the journal: an epoch that is newer than the journal
			// would put in doubt what is in flight.
			a.epoch = p.HGet(ctx, keys.Claims(id), field)
			a.journal = p.Get(ctx, keys.Journal(id, s.N))
			a.summary = p.HGet(ctx, keys.Summary(id), field)
			a.done = p.SIsMember(ctx, keys.Done(id), s.N)
			if all {
				a.recipients = p.Get(ctx, keys.Recipients(id, s.N))
				a.skipped = p.Get(ctx, keys.Skipped(id, s.N))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	batches := make([]readBatch, len(staged))
	for i, a := range cmds {
		b := &batches[i]
		var epoch string
		for _, v := range []struct {
			cmd *redis.StringCmd
			to  *string
		}{{a.epoch, &epoch}, {a.journal, &b.journal}, {a.summary, &b.summary}, {a.recipients, &b.recipients}, {a.skipped, &b.skipped}} {
			if v.cmd == nil {
				continue
			}
			if err := v.cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
				return nil, err
			}
			*v.to = v.cmd.Val()
		}
		if err := a.done.Err(); err != nil {
			return nil, err
		}
		b.done = a.done.Val()
		if epoch == "" {
			continue
		}
		if b.epoch, err = strconv.Atoi(epoch); err != nil {
			return nil, fmt.Errorf("the epoch of batch %d is no number", staged[i].N)
		}
	}
	return batches, nil
}

// foldInto makes f the fold of the batch.
func (b *readBatch) foldInto(f *Fold, s StagedBatch) error {
	f.Reset(s.Recipients)
	f.SetEpoch(b.epoch)
	return ofBatch(s.N, f.Add(0, b.journal))
}

// unpack decodes what was staged, and checks it against its counts.
func (l *Ledger) unpack(b *readBatch, s StagedBatch) ([]batch.Recipient, []batch.Skipped, error) {
	var recipients []batch.Recipient
	var skipped []batch.Skipped
	if b.recipients != "" {
		raw, err := l.zip.unpack(kindRecipients, b.recipients)
		if err == nil {
			recipients, err = decodeRecipients(raw)
		}
		if err != nil {
			return nil, nil, ofBatch(s.N, err)
		}
	}
	if b.skipped != "" {
		raw, err := l.zip.unpack(kindSkipped, b.skipped)
		if err == nil {
			skipped, err = decodeSkipped(raw)
		}
		if err != nil {
			return nil, nil, ofBatch(s.N, err)
		}
	}
	if len(recipients) != s.Recipients {
		return nil, nil, &CorruptError{
			Kind: kindRecipients, Batch: s.N,
			Problem: fmt.Sprintf("%d recipients, and %d were staged", len(recipients), s.Recipients),
		}
	}
	if want := s.Rows() - s.Recipients; len(skipped) != want {
		return nil, nil, &CorruptError{
			Kind: kindSkipped, Batch: s.N,
			Problem: fmt.Sprintf("%d rows, and %d were staged", len(skipped), want),
		}
	}
	return recipients, skipped, nil
}
