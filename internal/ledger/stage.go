package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// stageScript writes a batch unless one of its number is there.
//
//	KEYS  batches, recipients, skipped
//	ARGV  n, what the batches hash holds of it, recipients or "", skipped or ""
//	returns the hash's value if it was there, else nothing
func stageScript() *redis.Script {
	return redis.NewScript(`
local was = redis.call('HGET', KEYS[1], ARGV[1])
if was then return was end
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return false`)
}

// Stage writes a batch, or compares it with what is there under its number: one
// with the same digest is left as it is, another is refused with ErrDiffers.
// Many batches may be staged at once, in any order.
func (l *Ledger) Stage(ctx context.Context, id string, b *batch.Batch) (staged bool, err error) {
	staged, err = l.stage(ctx, id, b)
	if err != nil {
		return false, fmt.Errorf("staging batch %d of %s: %w", b.N, id, err)
	}
	return staged, nil
}

func (l *Ledger) stage(ctx context.Context, id string, b *batch.Batch) (staged bool, err error) {
	s, err := summed(b)
	if err != nil {
		return false, err
	}
	recipients, skipped, err := l.zip.batch(b)
	if err != nil {
		return false, err
	}
	touched := []string{keys.Batches(id), keys.Recipients(id, b.N), keys.Skipped(id, b.N)}
	was, err := l.scripts.stage.Run(ctx, l.rdb, touched, b.N, s.encode(), recipients, skipped).Text()
	if errors.Is(err, redis.Nil) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	old, err := decodeStaged(b.N, was)
	if err != nil {
		return false, err
	}
	if old.Digest != b.Digest {
		return false, ErrDiffers
	}
	return false, nil
}

// batch packs what is stored of b; nil where there is nothing to store.
func (z *zip) batch(b *batch.Batch) (recipients, skipped []byte, err error) {
	buf := z.buffers.Get().(*[]byte)
	defer z.buffers.Put(buf)
	if len(b.Recipients) > 0 {
		*buf = appendRecipients((*buf)[:0], b.Recipients)
		if recipients, err = z.pack(*buf); err != nil {
			return nil, nil, err
		}
	}
	if len(b.Skipped) > 0 {
		*buf = appendSkipped((*buf)[:0], b.Skipped)
		if skipped, err = z.pack(*buf); err != nil {
			return nil, nil, err
		}
	}
	return recipients, skipped, nil
}
