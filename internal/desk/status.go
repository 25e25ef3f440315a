package desk

import (
	"context"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/sender"
	"sluice/internal/status"
)

// Status is the account of a campaign, what holds it and when it will end, or
// campaign.ErrNotFound.
func (d *Desk) Status(ctx context.Context, id string) (*status.Status, error) {
	return d.status(ctx, id, map[string]map[string]time.Time{})
}

// Statuses tells each of the account of every campaign, the newest first.
func (d *Desk) Statuses(ctx context.Context, each func(*status.Status) error) error {
	records, err := d.campaigns.List(ctx)
	if err != nil {
		return err
	}
	known := map[string]map[string]time.Time{}
	for _, rec := range records {
		st, err := d.status(ctx, rec.ID, known)
		if err != nil {
			return err
		}
		if err := each(st); err != nil {
			return err
		}
	}
	return nil
}

// status reads an account. Known are the ends by sender, as far as they were asked.
func (d *Desk) status(ctx context.Context, id string, known map[string]map[string]time.Time) (*status.Status, error) {
	st, err := d.source().Get(ctx, id)
	if err != nil {
		return nil, err
	}
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if st.Holds, err = d.holds(ctx, rec, st); err != nil {
		return nil, err
	}
	if rec.State != campaign.Running && rec.State != campaign.Scheduled {
		return st, nil
	}
	if known[rec.Sender] == nil {
		if known[rec.Sender], err = d.ends(ctx, rec.Sender); err != nil {
			return nil, err
		}
	}
	tell(st, d.now(), known[rec.Sender][id])
	return st, nil
}

// List is the records of all campaigns, the newest first.
func (d *Desk) List(ctx context.Context) ([]*campaign.Record, error) {
	return d.campaigns.List(ctx)
}

// Page reads the records of campaigns, as campaign.Store.Page does.
func (d *Desk) Page(ctx context.Context, after string, each func(*campaign.Record) bool) (next string, err error) {
	return d.campaigns.Page(ctx, after, each)
}

// Meaning explains a sender's codes. Without the senders file, which an account
// does not need, codes stand without their meaning.
func (d *Desk) Meaning(senderName string) func(code string) string {
	s, err := d.open(senderName)
	return func(code string) string {
		if code == string(ledger.CodeSkipped) {
			return "a person had it skipped, with `producer resume --skip-row`"
		}
		if err != nil {
			return ""
		}
		return sender.Code(code).Meaning(s.Meaning)
	}
}
