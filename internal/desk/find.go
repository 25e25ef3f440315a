package desk

import (
	"context"
	"errors"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/export"
	"sluice/internal/ledger"
	"sluice/internal/locate"
	"sluice/internal/phone"
	"sluice/internal/receipt"
	"sluice/internal/suppress"
)

// A Person is what one number got, in every campaign whose rows are kept.
type Person struct {
	Number     string `json:"number"` // in E.164 digits
	Suppressed bool   `json:"suppressed"`
	// Messages are by campaign, the newest first, and by row.
	Messages []PersonalMessage `json:"messages"`
}

// A PersonalMessage is a recipient of one campaign.
type PersonalMessage struct {
	Campaign string `json:"campaign"`
	Sender   string `json:"sender"`
	export.Row
}

// Find looks a number up in all campaigns, in whatever spelling of it a list had.
// It reads one page of each campaign's index and the batches in which it is; a
// campaign without an index, whose import ended badly, gets one first, which takes
// a while for a large one. Country is that of a number in national form, which is
// invalid if it is empty.
func (d *Desk) Find(ctx context.Context, number, country string) (*Person, error) {
	r, err := phone.NewReader(phone.Options{Country: country})
	if err != nil {
		return nil, &InvalidError{err}
	}
	n, err := r.Read([]byte(number))
	if err != nil {
		return nil, invalid("the number: %w", err)
	}
	e164 := string(n.Append(nil))
	p := &Person{Number: e164, Messages: []PersonalMessage{}}
	suppressed, err := suppress.New(d.redis).Contains(ctx, []string{e164})
	if err != nil {
		return nil, err
	}
	p.Suppressed = suppressed[0]
	records, err := d.campaigns.List(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(records))
	for i, rec := range records {
		ids[i] = rec.ID
	}
	candidates, err := d.index().Find(ctx, e164, ids)
	if err != nil {
		return nil, err
	}
	for i, c := range candidates {
		if c, err = d.indexed(ctx, records[i], c, e164); err != nil {
			return nil, err
		}
		if err := d.messages(ctx, p, records[i], c.Batches); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (d *Desk) index() *locate.Index { return locate.New(d.redis, d.ledger, phone.IdentityOf) }

// indexed makes the index of a campaign that has none, and looks there again. While
// the import goes on nothing has been sent; what has expired stages no batch.
func (d *Desk) indexed(ctx context.Context, rec *campaign.Record, c locate.Candidates, e164 string) (locate.Candidates, error) {
	if c.Indexed || rec.State == campaign.Draft || rec.State == campaign.Importing {
		return c, nil
	}
	built, err := d.index().Build(ctx, rec.ID)
	if err != nil || built == 0 {
		return c, err
	}
	again, err := d.index().Find(ctx, e164, []string{rec.ID})
	if err != nil {
		return c, err
	}
	return again[0], nil
}

// messages adds the rows of these batches that are the person's.
func (d *Desk) messages(ctx context.Context, p *Person, rec *campaign.Record, batches []int) error {
	var meaning func(string) string
	for _, n := range batches {
		rows, err := d.ledger.Rows(ctx, rec.ID, n)
		if errors.Is(err, ledger.ErrNotStaged) {
			continue // it has expired since
		}
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !recipient(r.State) || phone.Identity(r.Phone) != phone.Identity(p.Number) {
				continue
			}
			if meaning == nil {
				meaning = d.Meaning(rec.Sender)
			}
			row := export.NewRow(r, rec.State == campaign.Cancelled, meaning)
			receipts, err := receipt.NewReader(ctx, d.redis, rec.ID)
			if err != nil {
				return err
			}
			said, err := receipts.Of(ctx, &r)
			if err != nil {
				return err
			}
			row.AddReceipt(said.Word(), said.Code, said.Sent, said.Delivered, said.Read)
			p.Messages = append(p.Messages, PersonalMessage{Campaign: rec.ID, Sender: rec.Sender, Row: row})
		}
	}
	return nil
}

// recipient says whether a row of this state is somebody to whom it is sent.
func recipient(state string) bool {
	return state != batch.Invalid.String() && state != batch.Duplicate.String() && state != batch.Suppressed.String()
}
