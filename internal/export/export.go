// Package export writes what became of every row, as CSV or NDJSON: one row of
// output for each row of the input, with its state, its message_id and what its
// code means. It streams, and no cell of the CSV is a formula to a spreadsheet.
package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"sluice/internal/batch"
	"sluice/internal/ledger"
)

// States are the states of a row.
var States = []string{"pending", "accepted", "rejected", "in_doubt", "invalid", "duplicate", "suppressed", "cancelled"}

// A Row is one row of an export.
type Row struct {
	Row         int    `json:"row"` // of the input, from 1, the header not counted
	Phone       string `json:"phone"`
	State       string `json:"state"`
	MessageID   string `json:"message_id"`
	Code        string `json:"code"`
	Message     string `json:"message"` // what the code means, or why the row became no recipient
	Attempts    int    `json:"attempts"`
	SubmittedAt string `json:"submitted_at"` // RFC 3339, UTC; empty if never submitted
	Batch       int    `json:"batch"`
	// Receipt is sent, undelivered, delivered or read, or Probable of who is in doubt;
	// empty where no receipt has come. The times are those that receipts say, RFC 3339 and UTC.
	Receipt     string `json:"receipt"`
	ReceiptCode string `json:"receipt_code"` // why it is undelivered
	SentAt      string `json:"sent_at"`
	DeliveredAt string `json:"delivered_at"`
	ReadAt      string `json:"read_at"`
	// Revision is that of the campaign's message which the row got, or which was last
	// tried: 1 as it was given, one more with each amendment; 0 where none was.
	Revision int `json:"revision"`
	// Values are those of the list's own columns that are asked for.
	Values []string `json:"-"`
}

// Awaiting is what Receipts has of who is accepted without a receipt.
const Awaiting = "awaiting"

// Probable is what Receipts has of who is in doubt, and of whom a receipt came that
// names the number alone.
const Probable = "probable"

// Receipts are what an export can be asked for.
var Receipts = []string{Awaiting, "sent", "undelivered", "delivered", "read", Probable}

// AddReceipt puts what receipts say into a row. Times that are zero are not known.
func (r *Row) AddReceipt(status, code string, sent, delivered, read time.Time) {
	r.Receipt, r.ReceiptCode = status, code
	r.SentAt, r.DeliveredAt, r.ReadAt = timeText(sent), timeText(delivered), timeText(read)
}

// Is says whether a row has one of these receipts.
func (r *Row) Is(receipts []string) bool {
	for _, want := range receipts {
		if want == r.Receipt && want != "" || want == Awaiting && r.Receipt == "" && r.State == "accepted" {
			return true
		}
	}
	return false
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// NewRow makes a row of the ledger's. Cancelled says that the campaign is: what
// is pending then never will be sent, and who was in flight may have been taken.
func NewRow(r ledger.Row, cancelled bool, meaning func(code string) string) Row {
	row := Row{
		Row: r.Row, Phone: r.Phone, State: r.State, MessageID: r.MessageID, Code: r.Code,
		Message: r.Reason, Attempts: r.Attempts, Batch: r.Batch, Revision: r.Revision,
	}
	switch {
	case cancelled && r.InFlight:
		row.State, row.Code, row.Message = "in_doubt", string(ledger.CodeInFlight), "being submitted when the campaign was cancelled; the answer is not known yet"
	case cancelled && row.State == "pending":
		row.State = "cancelled"
	}
	if row.Message == "" && row.Code != "" {
		row.Message = meaning(row.Code)
	}
	row.SubmittedAt = timeText(r.SubmittedAt)
	return row
}

// A Writer writes rows.
type Writer interface {
	Write(Row) error
	Flush() error
}

// NewCSV writes RFC 4180 with a header: our columns, and behind them those of the
// list that are named. Where one of those has the name of one of ours, ours has a
// prefix: whoever reads the export as a list finds the list's own.
func NewCSV(w io.Writer, columns ...string) Writer {
	c := &csvWriter{w: csv.NewWriter(w), columns: len(columns)}
	for _, name := range batch.ExportColumns() {
		if slices.Contains(columns, name) {
			name = batch.ExportPrefix + name
		}
		c.cells = append(c.cells, name)
	}
	for _, name := range columns {
		c.cells = append(c.cells, defuse(name))
	}
	return c
}

type csvWriter struct {
	w       *csv.Writer
	begun   bool
	columns int
	cells   []string // at first the header's
}

func (c *csvWriter) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	return c.w.Write(c.cells)
}

// Write writes one row.
func (c *csvWriter) Write(r Row) error {
	if err := c.begin(); err != nil {
		return err
	}
	c.cells = append(c.cells[:0],
		strconv.Itoa(r.Row), defuse(r.Phone), r.State, defuse(r.MessageID), defuse(r.Code),
		defuse(r.Message), strconv.Itoa(r.Attempts), r.SubmittedAt, strconv.Itoa(r.Batch),
		r.Receipt, defuse(r.ReceiptCode), r.SentAt, r.DeliveredAt, r.ReadAt, revisionText(r.Revision),
	)
	for k := range c.columns {
		value := ""
		if k < len(r.Values) { // a row that became no recipient may have none
			value = defuse(r.Values[k])
		}
		c.cells = append(c.cells, value)
	}
	return c.w.Write(c.cells)
}

// revisionText is a revision as a cell has it: empty where there is none.
func revisionText(revision int) string {
	if revision == 0 {
		return ""
	}
	return strconv.Itoa(revision)
}

// Flush writes what is buffered, and the header if there were no rows.
func (c *csvWriter) Flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

// NewNDJSON writes one JSON object a line; with columns of the list, those stand
// under "columns".
func NewNDJSON(w io.Writer, columns ...string) Writer {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return ndjsonWriter{e, columns}
}

type ndjsonWriter struct {
	e       *json.Encoder
	columns []string
}

// Write writes one row.
func (n ndjsonWriter) Write(r Row) error {
	if len(n.columns) == 0 {
		return n.e.Encode(r)
	}
	values := make(map[string]string, len(n.columns))
	for k, name := range n.columns {
		values[name] = ""
		if k < len(r.Values) {
			values[name] = r.Values[k]
		}
	}
	return n.e.Encode(struct {
		Row
		Columns map[string]string `json:"columns"`
	}{r, values})
}

// Flush has nothing to do.
func (ndjsonWriter) Flush() error { return nil }
