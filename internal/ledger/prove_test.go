package ledger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// Evidence changes what nobody knows the end of, and what was answered as not
// taken; nothing else.
func TestProve(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func(*testing.T, *desk, *Claim)
		gone   bool // the worker is, afterwards
		e      Evidence
		want   bool
	}{
		"lost with its worker":       {gone: true, e: Evidence{Try: 1}, want: true},
		"lost, by its doubt alone":   {gone: true, e: Evidence{}, want: true},
		"in flight":                  {e: Evidence{Try: 1}},
		"another try":                {gone: true, e: Evidence{Try: 2}},
		"another recipient":          {gone: true, e: Evidence{Index: 1, Try: 1}},
		"nobody's":                   {gone: true, e: Evidence{Index: 99, Try: 1}},
		"unknown":                    {before: ends(sender.Unknown), e: Evidence{Try: 1}, want: true},
		"unknown, by its doubt":      {before: ends(sender.Unknown), e: Evidence{}, want: true},
		"failed, and waits":          {before: ends(sender.Failed), e: Evidence{Try: 1}, want: true},
		"failed is no doubt":         {before: ends(sender.Failed), e: Evidence{}},
		"throttled":                  {before: ends(sender.Throttled), e: Evidence{Try: 1}, want: true},
		"denied":                     {before: ends(sender.Denied), e: Evidence{Try: 1}, want: true},
		"rejected":                   {before: ends(sender.Rejected), e: Evidence{Try: 1}},
		"accepted":                   {before: isAccepted, e: Evidence{Try: 1}},
		"withdrawn":                  {before: isWithdrawn, gone: true, e: Evidence{Try: 1}},
		"a person had it rejected":   {before: byAPerson(Reject), e: Evidence{Try: 1}, want: true},
		"a person had it accepted":   {before: byAPerson(Accept), e: Evidence{Try: 1}, want: true},
		"a person had it sent again": {before: byAPerson(Resend), e: Evidence{Try: 1}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, ctx := newDesk(t), t.Context()
			d.stage(t, 0, 3)
			c := d.claim(t, 0, "w", false)
			begin(t, c, 0)
			if tt.before != nil {
				tt.before(t, d, c)
			}
			if tt.gone {
				d.claim(t, 0, "w", false)
			}
			tt.e.MessageID, tt.e.Time = "m", noon.Add(time.Minute)
			proved, err := d.Prove(ctx, d.id, 0, []Evidence{tt.e, tt.e}) // twice is once
			if err != nil || !slices.Equal(proved, []bool{tt.want, false}) {
				t.Fatalf("%v %v", proved, err)
			}
			if r := d.row(t, 0); tt.want && (r.State != "accepted" || r.MessageID != "m" || r.Code != string(CodeReceipt)) {
				t.Errorf("%+v", r)
			} else if !tt.want && r.MessageID == "m" {
				t.Errorf("%+v", r)
			}
			length := d.rdb.StrLen(ctx, keys.Journal(d.id, 0)).Val()
			if again, err := d.Prove(ctx, d.id, 0, []Evidence{tt.e}); err != nil || again[0] {
				t.Errorf("again: %v %v", again, err)
			}
			if d.rdb.StrLen(ctx, keys.Journal(d.id, 0)).Val() != length {
				t.Error("what was proved is recorded again")
			}
			if tt.want {
				d.verified(t, 0)
			}
		})
	}
}

// row is the row of recipient i of batch 0.
func (d *desk) row(t *testing.T, i int) Row {
	t.Helper()
	rows, err := d.Rows(t.Context(), d.id, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Index == i {
			return r
		}
	}
	t.Fatalf("no recipient %d", i)
	return Row{}
}

func ends(o sender.Outcome) func(*testing.T, *desk, *Claim) {
	return func(t *testing.T, _ *desk, c *Claim) {
		t.Helper()
		settle(t, c, Settlement{Index: 0, Outcome: o, Code: "code", Time: noon})
	}
}

func byAPerson(choice Choice) func(*testing.T, *desk, *Claim) {
	return func(t *testing.T, d *desk, c *Claim) {
		t.Helper()
		ends(sender.Unknown)(t, d, c)
		if n, err := d.Resolve(t.Context(), d.id, choice); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

// A receipt for a submission that was answered as failed keeps its retry back, also
// where the worker does not know of it.
func TestProofStopsARetry(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 2)
	c := d.claim(t, 0, "w", false)
	begin(t, c, 0)
	settle(t, c, Settlement{Index: 0, Outcome: sender.Failed, Code: "-1", Time: noon})
	if _, err := d.Prove(ctx, d.id, 0, []Evidence{{Index: 0, Try: 1, MessageID: "m", Time: noon}}); err != nil {
		t.Fatal(err)
	}
	wants(t, c.Begin(ctx, []int{0}), ErrNotPending)
	for i := range c.Pending() {
		if i == 0 {
			t.Error("it is to be sent again")
		}
	}
	begin(t, c, 1)
	settle(t, c, accept(1)...)
	if counts := d.verified(t, 0); counts.Accepted != 2 || counts.Codes[string(CodeReceipt)] != 1 {
		t.Errorf("%+v", counts)
	}
	if done, err := d.Done(ctx, d.id); err != nil || done != 1 {
		t.Errorf("%d done, %v", done, err)
	}
}

// The answer that comes after the receipt is the same acceptance.
func TestAnswerAfterItsProof(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 1)
	old := d.claim(t, 0, "old", false)
	begin(t, old, 0)
	d.rdb.Del(ctx, keys.Worker("old"))
	_, err := d.Claim(ctx, d.id, 0, "new", false)
	wants(t, err, ErrDone) // all in doubt
	proved, err := d.Prove(ctx, d.id, 0, []Evidence{{Index: 0, Try: 1, MessageID: "wamid.0", Time: noon.Add(time.Hour)}})
	if err != nil || !proved[0] {
		t.Fatal(proved, err)
	}
	settle(t, old, accept(0)...)
	if r := d.row(t, 0); r.MessageID != "wamid.0" || r.Code != "" || !r.SubmittedAt.Equal(noon) {
		t.Errorf("%+v", r)
	}
}

// Evidence gives way to what is recorded between its reading and its writing.
func TestProofBesideOthers(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.stage(t, 0, 200)
	c := d.claim(t, 0, "w", false)
	all := make([]int, 200)
	for i := range all {
		all[i] = i
	}
	begin(t, c, all...)
	done := make(chan error, 1)
	go func() {
		for i := range all {
			if _, err := c.Settle(context.Background(), []Settlement{{Index: i, Outcome: sender.Unknown, Code: "timeout", Time: noon}}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	proved := map[int]bool{}
	for len(proved) < 200 {
		var es []Evidence
		for i := range all {
			es = append(es, Evidence{Index: i, Try: 1, MessageID: fmt.Sprint("m", i), Time: noon})
		}
		ok, err := d.Prove(ctx, d.id, 0, es)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ok {
			if ok[i] && proved[i] {
				t.Fatalf("%d is proved twice", i)
			}
			if ok[i] {
				proved[i] = true
			}
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if counts := d.verified(t, 0); counts.Accepted != 200 || counts.InDoubt != 0 {
		t.Errorf("%+v", counts)
	}
}

func isAccepted(t *testing.T, _ *desk, c *Claim) {
	t.Helper()
	settle(t, c, accept(0)...)
}

func isWithdrawn(t *testing.T, _ *desk, c *Claim) {
	t.Helper()
	if err := c.Withdraw(t.Context(), []int{0}); err != nil {
		t.Fatal(err)
	}
}
