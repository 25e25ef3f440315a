package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
)

// stageScript writes a batch unless one of its number is there.
//
//	KEYS  campaign, batches, recipients, skipped
//	ARGV  the import's generation, n, what the batches hash holds of it,
//	      recipients or "", skipped or ""
//	returns {1} if it was written, {2, the hash's value} if one was there,
//	        {3} if a later run of the import has taken over, {4} if the campaign
//	        is not importing
func stageScript() *redis.Script {
	return redis.NewScript(`
local campaign = redis.call('HMGET', KEYS[1], 'state', 'import')
if campaign[1] ~= 'importing' then return {4} end
if campaign[2] ~= ARGV[1] then return {3} end
local was = redis.call('HGET', KEYS[2], ARGV[2])
if was then return {2, was} end
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4]) end
if ARGV[5] ~= '' then redis.call('SET', KEYS[4], ARGV[5]) end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return {1}`)
}

// Stage writes a batch for one run of a campaign's import, which its generation
// names, or compares it with what is there under its number: one with the same
// digest is left as it is, another is refused with ErrDiffers. Nothing is written
// for a run that is not the newest, which is ErrSuperseded, nor for a campaign that
// is not importing, which is ErrNotImporting. Many batches may be staged at once,
// in any order.
func (l *Ledger) Stage(ctx context.Context, id string, generation int, b *batch.Batch) (staged bool, err error) {
	staged, err = l.stage(ctx, id, generation, b)
	if err != nil {
		return false, fmt.Errorf("staging batch %d of %s: %w", b.N, id, err)
	}
	return staged, nil
}

func (l *Ledger) stage(ctx context.Context, id string, generation int, b *batch.Batch) (staged bool, err error) {
	s, err := summed(b)
	if err != nil {
		return false, err
	}
	recipients, skipped, err := l.zip.batch(b)
	if err != nil {
		return false, err
	}
	touched := []string{keys.Campaign(id), keys.Batches(id), keys.Recipients(id, b.N), keys.Skipped(id, b.N)}
	reply, err := l.scripts.stage.Run(ctx, l.rdb, touched, generation, b.N, s.encode(), recipients, skipped).Slice()
	if err != nil {
		return false, err
	}
	switch reply[0] {
	case int64(1):
		return true, nil
	case int64(3):
		return false, ErrSuperseded
	case int64(4):
		return false, ErrNotImporting
	}
	was, _ := reply[1].(string)
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
