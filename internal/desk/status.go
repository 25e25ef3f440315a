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
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.StatusOf(ctx, rec)
}

// Statuses tells each of the account of every campaign, the newest first.
func (d *Desk) Statuses(ctx context.Context, each func(*status.Status) error) error {
	records, err := d.campaigns.List(ctx)
	if err != nil {
		return err
	}
	all := d
	if d.recent == nil {
		all = d.remembering(time.Minute)
	}
	for _, rec := range records {
		st, err := all.StatusOf(ctx, rec)
		if err != nil {
			return err
		}
		if err := each(st); err != nil {
			return err
		}
	}
	return nil
}

// StatusOf is Status of a campaign whose record was read.
func (d *Desk) StatusOf(ctx context.Context, rec *campaign.Record) (*status.Status, error) {
	st, err := d.source().Of(ctx, rec)
	if err != nil {
		return nil, err
	}
	if st.Holds, err = d.holds(ctx, rec, st); err != nil {
		return nil, err
	}
	if rec.State != campaign.Running && rec.State != campaign.Scheduled {
		return st, nil
	}
	ends, err := d.endsOf(ctx, rec.Sender)
	if err != nil {
		return nil, err
	}
	tell(st, d.now(), ends[rec.ID])
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
