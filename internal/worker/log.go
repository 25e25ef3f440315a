package worker

import (
	"errors"
	"fmt"
	"time"

	"sluice/internal/dispatch"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
)

// log writes the batch's one line.
func (s *server) log(ref jobs.Reference, counts ledger.Counts, epoch int, took time.Duration, err error) {
	e := s.w.Log.Info()
	var l *dispatch.Snooze
	if err != nil && !errors.As(err, &l) {
		e = s.w.Log.Error().Err(err)
	} else if l != nil {
		e = e.Str("later", l.Error())
	}
	e.Str("campaign", s.id).Int("batch", ref.Batch).Int("epoch", epoch).
		Int("accepted", counts.Accepted).Int("rejected", counts.Rejected).
		Int("in_doubt", counts.InDoubt).Int("pending", counts.Pending).
		Dur("took", took).Msg("batch run")
}

// resultText is what the queue's web UI shows as the task's result.
func resultText(c ledger.Counts) string {
	text := fmt.Sprintf("accepted %d, rejected %d, in doubt %d, pending %d", c.Accepted, c.Rejected, c.InDoubt, c.Pending)
	if len(c.Codes) > 0 {
		text += "; codes " + dispatch.CountsText(c.Codes)
	}
	return text
}
