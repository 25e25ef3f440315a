package worker

import (
	"maps"
	"slices"
	"time"

	"sluice/internal/ledger"
)

// describe has the next heartbeat say what this worker does now.
func (w *Worker) describe() {
	h := *w.says.Load()
	h.Campaigns, h.InFlight, h.Circuits, h.Paused = nil, 0, nil, nil
	if w.Senders != nil {
		h.Senders = w.Senders()
	}
	for id, c := range w.campaigns {
		if c.server != nil && c.server.serves() {
			h.Campaigns = append(h.Campaigns, id)
		}
	}
	slices.Sort(h.Campaigns)
	for _, name := range slices.Sorted(maps.Keys(w.accounts)) {
		s := w.accounts[name].sender
		if until := s.Pace.PausedUntil(); !until.IsZero() {
			if h.Paused == nil {
				h.Paused = map[string]time.Time{}
			}
			h.Paused[name] = until.UTC()
		}
		h.InFlight += s.InFlight()
		if c := s.Circuit(); c != nil {
			if h.Circuits == nil {
				h.Circuits = map[string]ledger.Circuit{}
			}
			h.Circuits[name] = ledger.Circuit{Since: c.Since, Code: c.Code}
		}
	}
	w.says.Store(&h)
}
