package jobs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/internal/sender"
)

// atFirst denies what may concern one recipient but more likely all, as long as
// nobody of the campaign was accepted, by any worker.
func (s *sending) atFirst(out []sender.Result) {
	for k := range out {
		switch {
		case out[k].Outcome == sender.Accepted:
			if !s.accepted.Load() {
				s.accepted.Store(true)
			}
		case out[k].AtFirst && !s.anyAccepted():
			out[k].Outcome, out[k].Repeats = sender.Denied, false
		}
	}
}

// anyAccepted says whether anybody of the campaign is known to be accepted.
func (s *sending) anyAccepted() bool {
	if s.accepted.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	totals, err := s.w.Ledger.Totals(ctx, s.id)
	if err != nil || totals.Accepted == 0 {
		return false // to halt for nothing loses nobody
	}
	s.accepted.Store(true)
	return true
}

// heed does at once what a submission's results ask for beyond their own
// recipients. Those that ended alike count once, however many they are.
func (s *sending) heed(out []sender.Result) {
	for len(out) > 0 {
		res, n := out[0], 1
		for n < len(out) && out[n].Outcome == res.Outcome && out[n].Code == res.Code {
			n++
		}
		out = out[n:]
		s.w.metrics.submitted(s.account.Label, res, n)
		switch res.Outcome {
		case sender.Throttled:
			if !res.Pair {
				s.throttle(res)
			}
		case sender.Denied:
			s.halt(res.Code, s.account.Provider.Meaning(res.Code))
		case sender.Accepted, sender.Rejected, sender.Failed, sender.Unknown:
		}
		if why := s.streak.add(res); why != "" {
			s.halt(res.Code, why)
		}
	}
}

// optOut puts someone who wants no more messages on the suppression list.
func (s *sending) optOut(phone string) {
	if s.w.Suppressed == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := s.w.Suppressed.Add(ctx, []string{phone}); err != nil {
		s.w.Log.Error().Err(err).Str("campaign", s.id).Msg("an opt-out could not be put on the suppression list; it stands in the export")
	}
}

func (s *sending) throttle(res sender.Result) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.account.Pace.Throttled(ctx, res.RetryAfter); err != nil {
		s.w.Log.Warn().Err(err).Str("campaign", s.id).Msg("could not slow the sender down")
	}
}

// halt stops the campaign here at once and everywhere as soon as Redis knows.
func (s *sending) halt(code, meaning string) {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	reason := fmt.Sprintf("%s: %s; then `producer resume %s`", code, strings.TrimRight(meaning, ". "), s.id)
	moved, err := s.w.Campaigns.Halt(ctx, s.id, code, reason)
	switch {
	case err != nil:
		s.w.Log.Error().Err(err).Str("campaign", s.id).Str("code", code).Msg("could not record that the campaign halted")
	case moved:
		s.w.Log.Error().Str("campaign", s.id).Str("code", code).Str("reason", reason).Msg("campaign halted")
	}
}
