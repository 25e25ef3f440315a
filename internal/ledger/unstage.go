package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// unstageScript deletes a batch that was staged, if the campaign is importing and
// the run's generation is the newest.
// KEYS: campaign, batches, recipients, skipped. ARGV: generation, n. Returns 1 if so.
var unstageScript = redis.NewScript(`
local campaign = redis.call('HMGET', KEYS[1], 'state', 'import')
if campaign[1] ~= 'importing' or campaign[2] ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[3], KEYS[4])
redis.call('HDEL', KEYS[2], ARGV[2])
return 1`)

// Unstage takes back what was staged of a list that cannot be imported, by the run
// of the import that has this generation. Cut short, it can be repeated. Where a
// later run has taken over, the rest is that run's: ErrSuperseded.
func (l *Ledger) Unstage(ctx context.Context, id string, generation int) error {
	all, err := l.Staged(ctx, id)
	if err != nil {
		return err
	}
	for _, s := range all {
		touched := []string{keys.Campaign(id), keys.Batches(id), keys.Recipients(id, s.N), keys.Skipped(id, s.N)}
		ok, err := unstageScript.Run(ctx, l.rdb, touched, generation, s.N).Bool()
		if err == nil && !ok {
			err = ErrSuperseded
		}
		if err != nil {
			return fmt.Errorf("taking back batch %d of %s: %w", s.N, id, err)
		}
	}
	return nil
}
