package desk

import (
	"context"
	"strconv"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/export"
	"sluice/internal/phone"
)

// A TestOrder is for one message of a campaign to one number.
type TestOrder struct {
	To  string // national numbers are of the campaign's default_country
	Row int    // of the list, whose values it has; 0: the first recipient
}

// A Tested is a test on its way.
type Tested struct {
	ID  string // of the test's own campaign
	Row int    // of the list
}

func (d *Desk) test(ctx context.Context, p *Prepared, o TestOrder) (*Tested, error) {
	numbers, err := phone.NewReader(phone.Options{Country: p.file.Recipients.DefaultCountry})
	if err != nil {
		return nil, &InvalidError{err}
	}
	to, err := numbers.Read([]byte(o.To))
	if err != nil {
		return nil, invalid("the number to send to: %w", err)
	}
	f, err := p.find(ctx, o.Row)
	switch {
	case err != nil:
		return nil, err
	case f.skipped != nil:
		return nil, invalid("row %d gets no message: %s", f.skipped.Row, f.skipped.Reason)
	}
	r := batch.Recipient{Row: 1, Phone: string(to.Append(nil)), Vars: f.recipient.Vars}
	suppressed, err := d.suppressedFor(p.file).Contains(ctx, []string{r.Phone})
	switch {
	case err != nil:
		return nil, err
	case suppressed[0]:
		return nil, invalid("the number to send to is suppressed: no campaign submits to it")
	}
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	file := *p.file
	file.ID = d.testID(p.file.ID)
	t := &Tested{ID: file.ID, Row: f.recipient.Row}
	if _, err := d.campaigns.Create(ctx, p.order.Text, &file); err != nil {
		return t, err
	}
	// Before the launch: nobody sends it by the settings of the file.
	_, _, err = d.campaigns.Set(ctx, t.ID, func(s *campaign.Settings) error {
		*s = campaign.Settings{Rate: s.Rate, Priority: campaign.High, MaxAttempts: s.MaxAttempts}
		return nil
	})
	if err != nil {
		return t, err
	}
	im, err := d.importer(ctx, &file, nil)
	if err != nil {
		return t, err
	}
	_, err = im.Run(ctx, t.ID, batch.One(r))
	return t, err
}

// mostOfID is how much of a campaign's id is in that of its test.
const mostOfID = 26

// testID is an id that no campaign has: none is made twice in one millisecond.
func (d *Desk) testID(id string) string {
	return "test-" + id[:min(len(id), mostOfID)] + "-" + strconv.FormatInt(d.now().UnixMilli(), 36)
}

// TestOutcome is what became of a test's one message.
func (d *Desk) TestOutcome(ctx context.Context, t *Tested) (*export.Row, error) {
	rec, err := d.withRows(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	rows, err := d.ledger.Rows(ctx, t.ID, 0)
	if err != nil {
		return nil, err
	}
	row := export.NewRow(rows[0], rec.State == campaign.Cancelled, d.Meaning(rec.Sender))
	row.Row = t.Row
	return &row, nil
}
