package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/sender"
)

// recheck holds the message against its template now and then while it is sent:
// a template that was paused or disabled meanwhile halts the campaign.
func (s *server) recheck(every time.Duration) {
	if s.account.Preflight == nil || every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.dispatcher.Stopped().Done():
			return
		}
		if !s.busy() {
			continue // nothing is sent just now
		}
		ctx, cancel := context.WithTimeout(s.dispatcher.Stopped(), time.Minute)
		err := s.account.Preflight(ctx, s.message)
		cancel()
		var unfit *sender.UnfitError
		switch {
		case errors.As(err, &unfit):
			s.dispatcher.Halt(0, "template", unfit.Error()+"; see to it in the account, or correct the message with `producer amend`")
		case err != nil && s.dispatcher.Stopped().Err() == nil:
			s.w.Log.Warn().Err(err).Str("campaign", s.id).Msg("could not look at the template again")
		}
	}
}
