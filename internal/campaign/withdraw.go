package campaign

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// withdrawScript deletes the record of a campaign that is importing, by the newest
// run of its import, and keeps that it did. One that was composed is given back
// instead.
// KEYS: campaign, importer, events. ARGV: generation, the time, the stream of all
// campaigns' events. Returns 1 if it was deleted.
var withdrawScript = redis.NewScript(note + `
local campaign = redis.call('HMGET', KEYS[1], 'state', 'import', 'etag')
if campaign[1] ~= 'importing' or campaign[2] ~= ARGV[1] or campaign[3] then return 0 end
note(KEYS[1], KEYS[3], ARGV[2], 'importing', '', ARGV[3])
redis.call('DEL', KEYS[1], KEYS[2])
` + tell() + `
return 1`)

// Withdraw deletes the record of a campaign whose list is refused while it is
// imported, by the run of the import that has this generation: its id is free, as if
// the list had been refused at its beginning. What was staged of it is to be taken
// back before. False: a later run has taken over, or it was launched or cancelled.
func (s *Store) Withdraw(ctx context.Context, id string, generation int) (bool, error) {
	touched := []string{keys.Campaign(id), keys.Importer(id), keys.Events(id)}
	gone, err := withdrawScript.Run(ctx, s.rdb, touched, generation, s.now().UnixMilli(), s.everywhere()).Bool()
	if err != nil {
		return false, fmt.Errorf("withdrawing %s: %w", id, err)
	}
	if gone {
		s.noteEverywhere(ctx, id)
		s.forget(ctx, id)
	}
	return gone, nil
}

// forget takes a name without a record from the lists of names.
func (s *Store) forget(ctx context.Context, id string) {
	// Somebody may have created it anew in between, and is found by the record then.
	if there, err := s.rdb.Exists(ctx, keys.Campaign(id)).Result(); err != nil || there > 0 {
		return
	}
	// A name without a record is nobody's: that one stays is no harm.
	_ = s.rdb.ZRem(ctx, keys.Campaigns(), id).Err()
	_ = s.rdb.SRem(ctx, keys.Active(), id).Err()
}
