package desk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// A Preview is the message as one row of a list gets it.
type Preview struct {
	ID     string            `json:"id"`
	Sender string            `json:"sender"`
	Row    int               `json:"row"`
	Phone  string            `json:"phone"`
	Values map[string]string `json:"values"` // of the columns that the message uses
	// Message is the campaign file's with the row's values in it, and Request what the
	// provider is asked, without the account's keys; both are null where the row gets
	// none.
	Message *sender.Message `json:"message"`
	Request *sender.Request `json:"request"`
	// TemplateText is the template's own text with the values in place; null where
	// it is not to be had, for which TemplateProblem may have the reason.
	TemplateText    *string `json:"template_text"`
	TemplateProblem string  `json:"template_problem,omitempty"`
	// Invalid is why the row gets no message; null where it does.
	Invalid *string `json:"invalid"`
}

// Preview shows the message as a row of the list gets it, the first recipient's if
// row is 0. It writes nothing and needs no Redis, so that it knows of no
// suppression; where there is no such row the error is an *InvalidError.
func (d *Desk) Preview(ctx context.Context, p *Prepared, row int) (*Preview, error) {
	f, err := p.find(ctx, row)
	if err != nil {
		return nil, err
	}
	out := &Preview{ID: p.file.ID, Sender: p.file.Sender, Values: map[string]string{}}
	if f.skipped != nil {
		out.Row, out.Phone, out.Invalid = f.skipped.Row, f.skipped.Phone, &f.skipped.Reason
		return out, nil
	}
	out.Row, out.Phone = f.recipient.Row, f.recipient.Phone
	for i, c := range p.columns {
		out.Values[c.Name] = f.recipient.Vars[i]
	}
	m, err := p.file.Message.Rendered(p.columns, f.recipient.Vars)
	if err != nil {
		return nil, err
	}
	out.Message = &m
	if previewer, ok := p.submitter.(sender.Previewer); ok {
		request := previewer.Preview(f.ref, f.recipient)
		out.Request = &request
	}
	if p.sender.TemplateText == nil || p.order.SkipPreflight {
		return out, nil
	}
	text, asked, err := p.sender.TemplateText(ctx, m)
	switch {
	case err != nil:
		out.TemplateProblem = err.Error()
	case asked:
		out.TemplateText = &text
	}
	return out, nil
}

// A found row is a recipient, or was skipped.
type found struct {
	recipient *batch.Recipient
	ref       sender.Ref
	skipped   *batch.Skipped
}

// find reads on to a row, or to the first recipient if row is 0.
func (p *Prepared) find(ctx context.Context, row int) (found, error) {
	if row < 0 {
		return found{}, invalid("row %d: the first row below the header is 1", row)
	}
	for ctx.Err() == nil {
		b, err := p.reader.Next()
		if errors.Is(err, io.EOF) {
			return found{}, p.noRow(row)
		}
		if err != nil {
			return found{}, p.inputError(err)
		}
		p.saw(b)
		for i := range b.Recipients {
			if r := &b.Recipients[i]; row == 0 || r.Row == row {
				return found{recipient: r, ref: sender.Ref{Campaign: p.file.ID, Batch: b.N, Index: i, Try: 1}}, nil
			}
		}
		for i := range b.Skipped {
			if b.Skipped[i].Row == row {
				return found{skipped: &b.Skipped[i]}, nil
			}
		}
	}
	return found{}, fmt.Errorf("reading %s: %w", p.list(), context.Cause(ctx))
}

// noRow says that the list has no such row.
func (p *Prepared) noRow(row int) error {
	if row == 0 {
		return p.inputError(&batch.NobodyError{Rows: p.reader.Rows(), Reasons: p.reasons.List()})
	}
	return invalid("%s: there is no row %d: it has %d rows", p.list(), row, p.reader.Rows())
}
