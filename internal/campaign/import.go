package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// importLasts is how long a run of an import counts as alive after its last word.
const importLasts = 10 * time.Second

// importScript gives a campaign's import to a run, as its newest.
//
//	KEYS  campaign, importer
//	ARGV  1 to take it from whoever has it, 0 only if nobody alive has; for how
//	      many ms the run counts as alive
//	returns its generation, 0 if another run has the import, or -1 if the campaign
//	        is not importing
var importScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'state') ~= 'importing' then return -1 end
if ARGV[1] == '0' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local generation = redis.call('HINCRBY', KEYS[1], 'import', 1)
redis.call('SET', KEYS[2], generation, 'PX', ARGV[2])
return generation`)

// BeginImport gives a campaign's import to the caller's run, whoever has it: of
// several runs the newest stages and launches. It returns the run's generation, or
// ledger.ErrNotImporting.
func (s *Store) BeginImport(ctx context.Context, id string) (generation int, err error) {
	return s.beginImport(ctx, id, 1)
}

// ResumeImport is BeginImport where no run is alive that has the import; where one
// is, the generation is 0.
func (s *Store) ResumeImport(ctx context.Context, id string) (generation int, err error) {
	return s.beginImport(ctx, id, 0)
}

func (s *Store) beginImport(ctx context.Context, id string, always int) (int, error) {
	generation, err := importScript.Run(ctx, s.rdb, []string{keys.Campaign(id), keys.Importer(id)}, always, importLasts.Milliseconds()).Int()
	if err == nil && generation < 0 {
		err = ledger.ErrNotImporting
	}
	if err != nil {
		return 0, fmt.Errorf("beginning the import of %s: %w", id, err)
	}
	return generation, nil
}

// keepScript prolongs a run's life, or ends it.
// KEYS: importer. ARGV: generation, ms, 0 to end it. Returns 1 if it has the import.
var keepScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)

// KeepImport says, until ctx ends, that the run of this generation is alive, and
// then that it is over: the next run need not wait.
func (s *Store) KeepImport(ctx context.Context, id string, generation int) {
	keep := func(ctx context.Context, lasts time.Duration) {
		ctx, cancel := context.WithTimeout(ctx, importLasts/5)
		defer cancel()
		// Without an answer it counts as over too soon, or for some seconds too long.
		_ = keepScript.Run(ctx, s.rdb, []string{keys.Importer(id)}, generation, lasts.Milliseconds()).Err()
	}
	tick := time.NewTicker(importLasts / 5)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			keep(ctx, importLasts)
		case <-ctx.Done():
			keep(context.WithoutCancel(ctx), 0)
			return
		}
	}
}
