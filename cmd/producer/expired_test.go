package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// retire does what a worker does with a campaign that is over, and has its rows
// expire or not.
func (d *operator) retire(id string, expire bool) {
	d.t.Helper()
	l := ledger.New(d.rdb, time.Now)
	totals, err := l.Totals(d.ctx, id)
	if err != nil {
		d.t.Fatal(err)
	}
	account, err := json.Marshal(totals)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.campaigns.Retire(d.ctx, id, account, nil); err != nil {
		d.t.Fatal(err)
	}
	if !expire {
		return
	}
	if err := l.Expire(d.ctx, id, time.Millisecond); err != nil {
		d.t.Fatal(err)
	}
	for d.rdb.Exists(d.ctx, keys.Batches(id)).Val() > 0 {
		if d.ctx.Err() != nil {
			d.t.Fatal("the rows do not expire")
		}
	}
}

// What asks for rows that have expired says so: no empty export, no false alarm.
func TestRowsHaveExpired(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	for _, id := range []string{"kept", "gone"} {
		d.must("send", d.campaign(id, ""), "--no-preflight")
		d.must("cancel", id)
		d.retire(id, id == "gone")
	}
	before := d.file("out.csv", "what was there before")
	for _, tt := range []struct {
		args []string
		id   string
		code int
		said string
	}{
		{[]string{"export"}, "kept", 0, ""},
		{[]string{"verify"}, "kept", 0, "agree"},
		{[]string{"resolve", "--in-doubt", "accept"}, "kept", 0, "0 recipients"},
		{[]string{"status"}, "gone", 0, "cancelled"},
		{[]string{"export"}, "gone", 1, "gone: its rows have expired"},
		{[]string{"export", "--format", "ndjson"}, "gone", 1, "gone: its rows have expired"},
		{[]string{"export", "-o", before}, "gone", 1, "gone: its rows have expired"},
		{[]string{"export", "-o", filepath.Join(d.dir, "new.csv")}, "gone", 1, "gone: its rows have expired"},
		{[]string{"verify"}, "gone", 0, "nothing left to compare"},
		{[]string{"resolve", "--in-doubt", "accept"}, "gone", 1, "gone: its rows have expired"},
		{[]string{"resolve", "--in-doubt", "resend"}, "gone", 1, "gone: its rows have expired"},
	} {
		out, errs, code := d.run(append(tt.args, tt.id)...)
		if code != tt.code || !strings.Contains(out+errs, tt.said) || code != 0 && out != "" {
			t.Errorf("%v %s: exit code %d, printed %q, said %q", tt.args, tt.id, code, out, errs)
		}
	}
	if text, err := os.ReadFile(before); err != nil || string(text) != "what was there before" {
		t.Errorf("the export of before is %q now, %v", text, err)
	}
	if left, err := filepath.Glob(filepath.Join(d.dir, "*new.csv*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// A campaign that was cancelled before it had any rows has lost none.
func TestNoRowsAreNotExpired(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.create("early")
	d.must("cancel", "early")
	d.retire("early", false)
	if out := d.must("export", "early"); !strings.HasPrefix(out, "row,phone,") || strings.Count(out, "\n") != 1 {
		t.Errorf("exported %q", out)
	}
	d.must("verify", "early")
}
