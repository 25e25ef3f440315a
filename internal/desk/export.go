package desk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/internal/batch"
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

// AllColumns asks for every column of the list that the campaign has.
const AllColumns = "all"

// An ExportOrder says what to export of a campaign and how.
type ExportOrder struct {
	ID     string
	States []string // only rows in these; all if empty
	Codes  []string // only rows with one of these codes; all if empty
	// Receipts are the receipts of the rows wanted, as in export.Receipts; all rows if
	// empty.
	Receipts []string
	Format   string // CSV or NDJSON
	// Columns are the list's own that stand beside ours: those of the message, and those
	// that the campaign keeps. AllColumns alone is each of them.
	Columns  []string
	AfterRow int // only the rows behind this one; 0: all
	Limit    int // so many rows at most; 0: all
}

// An Exporting is an export that can be written: its campaign is there, and has
// its rows.
type Exporting struct {
	d       *Desk
	order   ExportOrder
	record  *campaign.Record
	meaning func(string) string
	columns []string // of the list
	at      []int    // of each in a recipient's values
	rows    int
}

// Rows is how many rows have been written.
func (e *Exporting) Rows() int { return e.rows }

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
	e := &Exporting{d: d, order: o, record: rec, meaning: d.Meaning(rec.Sender)}
	return e, e.findColumns()
}

// findColumns finds the list's columns that are asked for.
func (e *Exporting) findColumns() error {
	if len(e.order.Columns) == 0 {
		return nil
	}
	given, err := e.record.Given()
	if err != nil {
		return err
	}
	there, err := given.Columns()
	if err != nil {
		return err
	}
	wanted := e.order.Columns
	if slices.Equal(wanted, []string{AllColumns}) {
		wanted = nil
		for _, c := range there {
			wanted = append(wanted, c.Name)
		}
	}
	for _, name := range wanted {
		i := slices.IndexFunc(there, func(c batch.Column) bool { return c.Name == name })
		if i < 0 {
			return invalid("%s has no column %s of its list: it has %s; recipients.keep keeps others, from the import on", e.order.ID, name, namesOf(there))
		}
		if !slices.Contains(e.columns, name) {
			e.columns, e.at = append(e.columns, name), append(e.at, i)
		}
	}
	return nil
}

// errEnough ends an export that has as many rows as it may.
var errEnough = errors.New("enough rows")

// Write writes the export, in the order of the input.
func (e *Exporting) Write(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	rows := export.NewCSV(buffered, e.columns...)
	if e.order.Format == NDJSON {
		rows = export.NewNDJSON(buffered, e.columns...)
	}
	receipts, err := receipt.NewReader(ctx, e.d.redis, e.order.ID)
	if err != nil {
		return err
	}
	err = e.d.ledger.Export(ctx, e.order.ID, func(r ledger.Row) error {
		if r.Row <= e.order.AfterRow {
			return nil
		}
		if e.order.Limit > 0 && e.rows == e.order.Limit {
			return errEnough
		}
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
		for _, i := range e.at {
			if i < len(r.Vars) {
				row.Values = append(row.Values, r.Vars[i])
			}
		}
		e.rows++
		return rows.Write(row)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("exporting %s: %w", e.order.ID, err)
	}
	if err := errors.Join(rows.Flush(), buffered.Flush()); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}
