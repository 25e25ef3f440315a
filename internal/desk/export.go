package desk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/export"
	"sluice/internal/ledger"
	"sluice/internal/receipt"
)

// The formats of an export.
const (
	CSV    = "csv"
	NDJSON = "ndjson"
)

// An ExportOrder says what to export of a campaign and how.
type ExportOrder struct {
	ID     string
	States []string // only rows in these; all if empty
	Codes  []string // only rows with one of these codes; all if empty
	// Receipts are the receipts of the rows wanted, as in export.Receipts; all rows if
	// empty.
	Receipts []string
	Format   string // CSV or NDJSON
}

// An Exporting is an export that can be written: its campaign is there, and has
// its rows.
type Exporting struct {
	d       *Desk
	order   ExportOrder
	record  *campaign.Record
	meaning func(string) string
}

// Export makes ready to write what became of every row of a campaign.
func (d *Desk) Export(ctx context.Context, o ExportOrder) (*Exporting, error) {
	for _, s := range o.States {
		if !slices.Contains(export.States, s) {
			return nil, invalid("there is no state %q; there are %s", s, strings.Join(export.States, ", "))
		}
	}
	for _, r := range o.Receipts {
		if !slices.Contains(export.Receipts, r) {
			return nil, invalid("there is no receipt %q; there are %s", r, strings.Join(export.Receipts, ", "))
		}
	}
	rec, err := d.withRows(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	return &Exporting{d: d, order: o, record: rec, meaning: d.Meaning(rec.Sender)}, nil
}

// Write writes the export, in the order of the input.
func (e *Exporting) Write(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	rows := export.NewCSV(buffered)
	if e.order.Format == NDJSON {
		rows = export.NewNDJSON(buffered)
	}
	receipts, err := receipt.NewReader(ctx, e.d.redis, e.order.ID)
	if err != nil {
		return err
	}
	err = e.d.ledger.Export(ctx, e.order.ID, func(r ledger.Row) error {
		row := export.NewRow(r, e.record.State == campaign.Cancelled, e.meaning)
		if len(e.order.States) > 0 && !slices.Contains(e.order.States, row.State) {
			return nil
		}
		if len(e.order.Codes) > 0 && !slices.Contains(e.order.Codes, row.Code) {
			return nil
		}
		said, err := receipts.Of(ctx, &r)
		if err != nil {
			return err
		}
		row.AddReceipt(said.Word(), said.Code, said.Sent, said.Delivered, said.Read)
		if len(e.order.Receipts) > 0 && !row.Is(e.order.Receipts) {
			return nil
		}
		return rows.Write(row)
	})
	if err != nil {
		return fmt.Errorf("exporting %s: %w", e.order.ID, err)
	}
	if err := errors.Join(rows.Flush(), buffered.Flush()); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}
