package desk

import (
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/sender"
)

// A shape counts of a list what an estimate needs, and no more: it costs.
type shape struct {
	zones     map[string]int // nil: not asked
	submitter sender.Submitter
	most      int // messages that one request carries
	requests  int
	now       time.Time
}

// newShape asks for what a campaign's estimate depends on.
func newShape(f *campaign.File, s *Sender, submitter sender.Submitter, now time.Time) shape {
	out := shape{submitter: submitter, most: submitter.MaxRecipients(), now: now}
	if f.Window != nil && f.Window.Timezone == campaign.RecipientZone {
		out.zones = map[string]int{}
	}
	if s.Limits.RequestsPerSecond == 0 {
		out.most = 1
	}
	return out
}

func (s *shape) saw(b *batch.Batch) {
	if s.zones != nil {
		for i := range b.Recipients {
			s.zones[campaign.ZoneOf(b.Recipients[i].Phone, s.now).String()]++
		}
	}
	if s.most <= 1 {
		return
	}
	alike := map[string]int{}
	for i := range b.Recipients {
		alike[s.submitter.Key(&b.Recipients[i])]++
	}
	for _, n := range alike {
		s.requests += (n + s.most - 1) / s.most
	}
}

func (s *shape) note() campaign.Shape { return campaign.Shape{Zones: s.zones, Requests: s.requests} }
