package desk

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
)

// sampled is how many batches are looked at to see in which zones a list's
// recipients are: as exact as an estimate needs, and soon done for a list of any
// length.
const sampled = 50

// noteZones notes in which time zones a campaign's recipients are, where its window is
// each recipient's own and the import had no reason to count them.
func (d *Desk) noteZones(ctx context.Context, id string) error {
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return err
	}
	file, err := rec.File()
	if err != nil {
		return err
	}
	shape := rec.Shape()
	if file.Window == nil || file.Window.Timezone != campaign.RecipientZone || len(shape.Zones) > 0 || rec.Plan.Fingerprint == "" {
		return nil
	}
	staged, err := d.ledger.Staged(ctx, id)
	if err != nil {
		return err
	}
	if shape.Zones, err = d.zones(ctx, id, staged, rec.Plan.Recipients); err != nil {
		return err
	}
	return d.campaigns.Note(ctx, id, shape)
}

// zones are so many recipients by their time zone, as those of a sample are.
func (d *Desk) zones(ctx context.Context, id string, staged []ledger.StagedBatch, recipients int) (map[string]int, error) {
	var some []ledger.StagedBatch
	for i := 0; i < len(staged); i += max(1, len(staged)/sampled) {
		some = append(some, staged[i])
	}
	var mu sync.Mutex
	seen, all := map[string]int{}, 0
	err := d.ledger.Phones(ctx, id, some, func(_ int, phones []uint64) error {
		mu.Lock()
		defer mu.Unlock()
		for _, number := range phones {
			seen[campaign.ZoneOf(strconv.FormatUint(number, 10), d.now()).String()]++
		}
		all += len(phones)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("counting the time zones of %s: %w", id, err)
	}
	for zone, n := range seen {
		seen[zone] = (n*recipients + all - 1) / all
	}
	return seen, nil
}
