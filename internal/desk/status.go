package desk

import (
	"context"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/status"
)

// Status is the account of a campaign, or campaign.ErrNotFound.
func (d *Desk) Status(ctx context.Context, id string) (*status.Status, error) {
	return d.source().Get(ctx, id)
}

// List is the records of all campaigns, the newest first.
func (d *Desk) List(ctx context.Context) ([]*campaign.Record, error) {
	return d.campaigns.List(ctx)
}

// Meaning explains a sender's codes. Without the senders file, which an account
// does not need, codes stand without their meaning.
func (d *Desk) Meaning(senderName string) func(code string) string {
	s, err := d.open(senderName)
	return func(code string) string {
		if code == ledger.CodeSkipped {
			return "a person had it skipped, with `producer resume --skip-row`"
		}
		if err != nil {
			return ""
		}
		last, exhausted := strings.CutPrefix(code, "exhausted/")
		if exhausted {
			return "all attempts failed; the last: " + s.Meaning(last)
		}
		return s.Meaning(code)
	}
}
