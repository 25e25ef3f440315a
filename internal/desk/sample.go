package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/internal/campaign"
	"sluice/internal/parts"
	"sluice/internal/sender"
)

// A SampleRow is one row of a draft's list, as it is read.
type SampleRow struct {
	Row     int
	Phone   string // in E.164 digits; as it stands in the list where the row is invalid
	Values  []string
	Invalid string // why the row becomes no recipient; empty where it does
}

// A Sample is the beginning of a draft's list.
type Sample struct {
	Columns []string // whose values the rows have, in order
	Rows    []SampleRow
}

// mostSampled is how many columns a sample has at most: as many as a campaign keeps.
const mostSampled = 20

// Sample reads the first rows of a draft's list, with the values of all its columns,
// whatever the message is. It is for a person who says which column is what.
func (d *Desk) Sample(ctx context.Context, rec *campaign.Record, most int) (*Sample, error) {
	all, err := d.Parts(ctx, rec)
	if err != nil {
		return nil, err
	}
	if _, err := parts.Manifest(all); err != nil {
		return nil, &InvalidError{err}
	}
	if err := d.parts.Complete(ctx, rec.ID, all); err != nil {
		return nil, invalidPart(err)
	}
	f, err := rec.Given()
	if err != nil {
		return nil, &InvalidError{err}
	}
	out := &Sample{}
	for _, name := range all[0].Columns {
		if name != "" && name != f.Recipients.Phone && !slices.Contains(out.Columns, name) && len(out.Columns) < mostSampled {
			out.Columns = append(out.Columns, name)
		}
	}
	f.Message = sender.Message{Type: "template", Template: &sender.Template{Name: "sample", Language: "en_US", Category: "marketing"}}
	f.Recipients.Keep, f.Recipients.Only, f.Recipients.Except = out.Columns, nil, nil
	f.Recipients.File = "the list"
	order := Order{Name: composedName, composed: f, SkipPreflight: true}
	if all[0].Media == parts.NDJSON {
		order.encoding = "utf-8" // whatever the campaign says: JSON is
	}
	order.input = d.parts.Open(ctx, rec.ID, all, append([]string{f.Recipients.Phone}, out.Columns...))
	p, err := d.prepare(order)
	if err != nil {
		order.input.Close()
		return nil, &InvalidError{err}
	}
	defer p.Close()
	return out, p.sample(out, most)
}

// sample reads rows, which a batch has apart: those who get a message, and those who do
// not.
func (p *Prepared) sample(out *Sample, most int) error {
	b, err := p.reader.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return p.inputError(err)
	}
	at := make([]int, len(out.Columns))
	for i, name := range out.Columns {
		at[i] = -1
		for j, c := range p.columns {
			if c.Name == name {
				at[i] = j
			}
		}
	}
	for i := range b.Recipients {
		r := &b.Recipients[i]
		row := SampleRow{Row: r.Row, Phone: r.Phone, Values: make([]string, len(at))}
		for k, j := range at {
			if j >= 0 && j < len(r.Vars) {
				row.Values[k] = r.Vars[j]
			}
		}
		out.Rows = append(out.Rows, row)
	}
	for i := range b.Skipped {
		s := &b.Skipped[i]
		out.Rows = append(out.Rows, SampleRow{Row: s.Row, Phone: s.Phone, Invalid: fmt.Sprint(s.Reason)})
	}
	slices.SortFunc(out.Rows, func(a, b SampleRow) int { return a.Row - b.Row })
	out.Rows = out.Rows[:min(most, len(out.Rows))]
	return nil
}
