package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/ledger"
)

func meaning(code string) string { return "what " + code + " means" }

func TestNewRow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 12, 0, 0, 5_000_000, time.FixedZone("", -3*3600))
	for name, tt := range map[string]struct {
		row       ledger.Row
		cancelled bool
		want      Row
	}{
		"accepted": {
			ledger.Row{Row: 2, Phone: "5511987654321", State: "accepted", MessageID: "m1", Attempts: 1, SubmittedAt: at, Batch: 3},
			false,
			Row{Row: 2, Phone: "5511987654321", State: "accepted", MessageID: "m1", Attempts: 1, SubmittedAt: "2026-03-10T15:00:00.005Z", Batch: 3},
		},
		"a code is explained":              {ledger.Row{State: "rejected", Code: "22091"}, false, Row{State: "rejected", Code: "22091", Message: "what 22091 means"}},
		"but a reason is the better word":  {ledger.Row{State: "in_doubt", Code: "lost", Reason: "why"}, false, Row{State: "in_doubt", Code: "lost", Message: "why"}},
		"pending, and will not be":         {ledger.Row{State: "pending"}, true, Row{State: "cancelled"}},
		"accepted before the cancellation": {ledger.Row{State: "accepted"}, true, Row{State: "accepted"}},
		"invalid":                          {ledger.Row{State: "invalid", Phone: "12", Reason: "too short"}, true, Row{State: "invalid", Phone: "12", Message: "too short"}},
	} {
		if diff := cmp.Diff(tt.want, NewRow(tt.row, tt.cancelled, meaning)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

var written = []Row{
	{Row: 1, Phone: "+55 11", State: "invalid", Message: "=too,\"odd\"\nby far", Batch: 0},
	{Row: 2, Phone: "5511987654321", State: "accepted", MessageID: "-1", Code: "@c", Attempts: 2, SubmittedAt: "2026-03-10T15:00:00Z", Batch: 1},
}

// Both formats hold the same rows, and no cell of the CSV is a formula.
func TestWriters(t *testing.T) {
	t.Parallel()
	var text, lines bytes.Buffer
	for _, w := range []Writer{NewCSV(&text), NewNDJSON(&lines)} {
		for _, r := range written {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{
		{"row", "phone", "state", "message_id", "code", "message", "attempts", "submitted_at", "batch", "receipt", "receipt_code", "sent_at", "delivered_at", "read_at", "revision"},
		{"1", "'+55 11", "invalid", "", "", "'=too,\"odd\"\nby far", "0", "", "0", "", "", "", "", "", ""},
		{"2", "5511987654321", "accepted", "'-1", "'@c", "", "2", "2026-03-10T15:00:00Z", "1", "", "", "", "", "", ""},
	}, got); diff != "" {
		t.Error(diff)
	}
	var rows []Row
	for d := json.NewDecoder(&lines); d.More(); {
		var r Row
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	if diff := cmp.Diff(written, rows); diff != "" {
		t.Error(diff)
	}
}

// An export without rows has its header, so that it is told from one cut short.
func TestNoRows(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := NewCSV(&b)
	if err := errors.Join(w.Flush(), w.Flush()); err != nil || b.String() != "row,phone,state,message_id,code,message,attempts,submitted_at,batch,receipt,receipt_code,sent_at,delivered_at,read_at,revision\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// full is a disk that is.
type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriterSaysThatTheDiskIsFull(t *testing.T) {
	t.Parallel()
	w := NewCSV(full{})
	err := w.Write(written[0])
	if err = errors.Join(err, w.Flush()); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if err := NewNDJSON(full{}).Write(written[0]); !errors.Is(err, errFull) {
		t.Error(err)
	}
}

// The list's own columns stand behind ours; where one has the name of one of ours,
// ours has another.
func TestColumnsOfTheList(t *testing.T) {
	t.Parallel()
	var text, lines bytes.Buffer
	rows := []Row{{Row: 1, Code: "22091", Values: []string{"=7", "C-1"}}, {Row: 2}}
	for _, w := range []Writer{NewCSV(&text, "code", "customer"), NewNDJSON(&lines, "code", "customer")} {
		for _, r := range rows {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if got[0][4] != "sluice_code" || got[1][4] != "22091" || got[0][15] != "code" || got[1][15] != "'=7" || got[1][16] != "C-1" || got[2][15] != "" || len(got[2]) != 17 {
		t.Errorf("%q", got)
	}
	var r struct {
		Code    string
		Columns map[string]string
	}
	if err := json.NewDecoder(&lines).Decode(&r); err != nil || r.Code != "22091" || r.Columns["code"] != "=7" || r.Columns["customer"] != "C-1" {
		t.Errorf("%+v, %v", r, err)
	}
}
