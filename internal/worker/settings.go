package worker

import (
	"context"
	"time"

	"sluice/internal/campaign"
)

// hastenAfter is how long after new settings the batches that wait in the queue
// look again: those that were being looked at under the old ones are back by then.
const hastenAfter = 200 * time.Millisecond

// apply has a campaign go on with its settings as they are now, also what of it
// waits in the queue for a time that the old ones named.
func (w *Worker) apply(c *supervised) {
	id, set := c.brief.ID, c.brief.Set
	if s := c.server; s != nil && !s.stopped && set != s.set {
		settings, err := campaign.ParseSettings(set)
		if err != nil {
			w.Log.Error().Err(err).Str("campaign", id).Msg("the settings as they were go on")
			return
		}
		s.set = set
		s.dispatcher.Set(settings)
		w.Log.Info().Str("campaign", id).Msg("the campaign's settings are set anew")
	}
	time.AfterFunc(hastenAfter, func() {
		if err := w.queue.Hasten(context.Background(), id); err != nil {
			w.Log.Warn().Err(err).Str("campaign", id).Msg("batches wait for what was set before")
		}
		w.wakes.add(id)
	})
}
