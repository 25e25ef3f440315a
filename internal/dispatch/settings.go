package dispatch

import (
	"context"
	"fmt"

	"sluice/internal/campaign"
)

// settings are a campaign's as a run uses them. They are replaced as a whole.
type settings struct {
	// paced is what the pace knows the campaign by: with another rate it is another
	// to it, so that one that was slow and is set to go fast waits for no slot that
	// was far away.
	paced       string
	weight      int
	perSecond   float64
	maxAttempts int
	window      *campaign.Window // where it is each recipient's own; else nil

	// replaced is done once others hold.
	replaced context.Context
	replace  context.CancelFunc
}

// Set has the campaign's settings hold from now on, also for batches that wait
// for a slot.
func (d *Dispatcher) Set(s campaign.Settings) {
	window := s.Window
	if window != nil && window.Timezone != campaign.RecipientZone {
		window = nil // the supervisor keeps it
	}
	set := &settings{paced: d.id, weight: s.Weight(), perSecond: s.Rate, maxAttempts: s.MaxAttempts, window: window}
	if s.Rate > 0 {
		set.paced = fmt.Sprintf("%s@%g", d.id, s.Rate)
	}
	set.replaced, set.replace = context.WithCancel(context.Background())
	if before := d.set.Swap(set); before != nil {
		before.replace()
	}
}
