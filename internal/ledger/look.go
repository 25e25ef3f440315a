package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// A Look is what a reader knows of one batch: whom it is about, and its journal up
// to some length. It is not safe for use by many goroutines.
type Look struct {
	Campaign string
	N        int
	Phones   []string // by recipient; not to be changed

	fold    *Fold
	known   int
	outcome int
}

// Look makes a Look of a batch, or returns ErrNotStaged, as when it has expired.
// It knows nothing of the journal before Refresh.
func (l *Ledger) Look(ctx context.Context, id string, n int) (*Look, error) {
	text, err := l.rdb.Get(ctx, keys.Recipients(id, n)).Result()
	if errors.Is(err, redis.Nil) {
		err = ErrNotStaged
	}
	if err != nil {
		return nil, fmt.Errorf("reading batch %d of %s: %w", n, id, err)
	}
	raw, err := l.zip.unpack(kindRecipients, text)
	if err != nil {
		return nil, ofBatch(n, err)
	}
	rs, err := decodeRecipients(raw)
	if err != nil {
		return nil, ofBatch(n, err)
	}
	k := &Look{Campaign: id, N: n, Phones: make([]string, len(rs)), fold: NewFold(len(rs))}
	for i := range rs {
		k.Phones[i] = rs[i].Phone
	}
	return k, nil
}

// Refresh brings Looks up to what is on record, in one pipeline.
func (l *Ledger) Refresh(ctx context.Context, looks ...*Look) error {
	type asked struct {
		length *redis.IntCmd
		tail   *redis.StringCmd
	}
	cmds := make([]asked, len(looks))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, k := range looks {
			key := keys.Journal(k.Campaign, k.N)
			cmds[i].length = p.StrLen(ctx, key)
			cmds[i].tail = p.GetRange(ctx, key, int64(k.known), -1)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading journals: %w", err)
	}
	for i, k := range looks {
		if int(cmds[i].length.Val()) < k.known { // Redis has lost writes that it had acknowledged
			k.fold.Reset(len(k.Phones))
			k.known, k.outcome = 0, 0
			if err := l.Refresh(ctx, k); err != nil {
				return err
			}
			continue
		}
		if err := k.add(cmds[i].tail.Val()); err != nil {
			return err
		}
	}
	return nil
}

// add adds the journal's tail.
func (k *Look) add(tail string) error {
	if err := k.fold.Add(k.known, tail); err != nil {
		return ofBatch(k.N, err)
	}
	c := &cursor{kind: kindJournal, text: tail}
	for c.more() {
		kind := c.byte() & 0x0f
		c.take(c.number(len(tail)))
		if kind == outcomeRecord {
			k.outcome = k.known + c.at
		}
	}
	k.known += len(tail)
	return nil
}

// Outcome is where the last outcome that the Look holds ends in the journal, in
// bytes. An account that counts as much of the journal counts every acceptance
// that the Look knows, and goes on doing so: an acceptance is never taken back.
func (k *Look) Outcome() int { return k.outcome }

// Accepted calls fn for each message_id under which recipient i was accepted.
func (k *Look) Accepted(i int, fn func(messageID string)) {
	for s := range k.fold.subs[i] {
		if sub := &k.fold.subs[i][s]; sub.outcome == sender.Accepted {
			fn(sub.messageID)
		}
	}
}

// Began says that some submission to recipient i was intended.
func (k *Look) Began(i int) bool { return len(k.fold.subs[i]) > 0 }

// Failed says that some submission to recipient i has an answer that is no
// acceptance and may be wrong: the try's, or of any where try is 0.
func (k *Look) Failed(i, try int) bool {
	for s := range k.fold.subs[i] {
		sub := &k.fold.subs[i][s]
		switch sub.outcome {
		case sender.Failed, sender.Throttled, sender.Unknown, sender.Denied:
			if try == 0 || sub.try == try {
				return true
			}
		case sender.Accepted, sender.Rejected:
		}
	}
	return false
}
