package receipt

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/sender"
)

const (
	// shareOf is of how many messages the share is that are undelivered.
	shareOf = 1000
	// shareFrom is from how many on it is looked at.
	shareFrom = 200
)

// A share is how many of a campaign's last messages are undelivered, as far as this
// process has seen what became of them.
type share struct {
	began       time.Time
	last        [shareOf]bool // of each whether it is undelivered
	n, at       int           // how many there are, and where the next one goes
	undelivered int
}

// add adds a message, in the place of the oldest.
func (s *share) add(undelivered bool) {
	if s.n == shareOf && s.last[s.at] {
		s.undelivered--
	}
	s.last[s.at] = undelivered
	if undelivered {
		s.undelivered++
	}
	s.n, s.at = min(s.n+1, shareOf), (s.at+1)%shareOf
}

// watchShare halts a campaign of whose last messages too many are undelivered: a bad
// list burns the number's quality. Delivered and undelivered count, whichever is said.
func (a *Applier) watchShare(ctx context.Context, id string, r *arrival) error {
	most := a.o.Halts(r.from)
	if most <= 0 || r.Status != sender.Delivered && r.Status != sender.Undelivered {
		return nil
	}
	s := a.shares[id]
	if s == nil {
		s = &share{began: a.o.Now()}
		a.shares[id] = s
	}
	s.add(r.Status == sender.Undelivered)
	if s.n < shareFrom || float64(s.undelivered) <= most*float64(s.n) {
		return nil
	}
	delete(a.shares, id)
	briefs, err := a.campaigns.store.Briefs(ctx, id)
	if err != nil {
		return err
	}
	// What came while it stood still is of the messages before: whoever resumes it
	// begins anew.
	if len(briefs) == 0 || briefs[0].State != campaign.Running || s.began.Before(briefs[0].MovedAt) {
		return nil
	}
	why := fmt.Sprintf("%d of its last %d messages were not delivered, and halt_undelivered allows %g %%: look at the list", s.undelivered, s.n, most*100)
	reason := fmt.Sprintf("%s: %s (by a callback about %s); then `producer resume %s`", codeShare, why, r.Time.UTC().Format(time.RFC3339), id)
	moved, err := a.campaigns.store.Halt(ctx, id, codeShare, reason)
	if err != nil {
		return err
	}
	if moved {
		a.o.Count(r.from, "halted", 1)
		a.o.Effects.Warn(r.from, "campaign "+id+" is stopped: "+codeShare)
	}
	return nil
}

// codeShare is the code of a campaign that was halted for its share of undelivered
// messages.
const codeShare = "halt_undelivered"
