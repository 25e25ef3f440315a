package jobs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/ledger"
)

// log writes the batch's one line.
func (s *sending) log(ref reference, counts ledger.Counts, epoch int, took time.Duration, err error) {
	e := s.w.Log.Info()
	var l *later
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
		text += "; codes " + countsText(c.Codes)
	}
	return text
}

// countsText writes counts by code, in order.
func countsText(codes map[string]int) string {
	parts := make([]string, 0, len(codes))
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		parts = append(parts, fmt.Sprintf("%s ×%d", code, codes[code]))
	}
	return strings.Join(parts, ", ")
}
