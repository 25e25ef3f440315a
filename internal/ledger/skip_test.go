package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice/internal/sender"
)

// rowOf is the row of a staged recipient.
func rowOf(t testing.TB, c *Claim, i int) int {
	t.Helper()
	return c.Recipients[i].Row
}

// A row is skipped while its recipient waits, whatever became of it before, and
// nobody submits to it afterwards, who has the batch in hand least of all.
func TestSkip(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.stage(t, 0, 5)
	d.stage(t, 1, 5)
	c := d.claim(t, 1, "w1", false)
	begin(t, c, 1)
	settle(t, c, Settlement{Index: 1, Outcome: sender.Denied, Code: "22125", Time: noon})
	for _, i := range []int{1, 3} { // denied, and never begun
		for _, want := range []bool{true, false} { // twice is as once
			if skipped, err := d.Skip(t.Context(), d.id, rowOf(t, c, i)); err != nil || skipped != want {
				t.Fatalf("recipient %d: %t, %v", i, skipped, err)
			}
		}
	}
	// The claim does not know it yet: its intent comes to nothing.
	if err := c.Begin(t.Context(), []int{3, 4}); !errors.Is(err, ErrNotPending) {
		t.Fatal(err)
	}
	begin(t, c, 0, 2, 4)
	settle(t, c, accept(0, 2, 4)...)
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Claim(t.Context(), d.id, 1, "w1", false); !errors.Is(err, ErrDone) {
		t.Errorf("the batch is not done: %v", err)
	}
	counts := d.verified(t, 1)
	if counts.Accepted != 3 || counts.Rejected != 2 || counts.Codes[string(CodeSkipped)] != 2 {
		t.Errorf("%+v", counts)
	}
}

// Who may have got the message is not skipped, and neither is who was not to get
// it.
func TestSkipRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.stage(t, 0, 5)
	c := d.claim(t, 0, "w1", false)
	begin(t, c, 0, 1, 2)
	settle(t, c, append(accept(0),
		Settlement{Index: 1, Outcome: sender.Rejected, Code: "22091", Time: noon}, Settlement{Index: 2, Outcome: sender.Unknown, Code: "timeout", Time: noon})...)
	for i := range 3 {
		if _, err := d.Skip(t.Context(), d.id, rowOf(t, c, i)); !errors.Is(err, ErrNotPending) {
			t.Errorf("recipient %d: %v", i, err)
		}
	}
	for _, row := range []int{-1, 0, b.Skipped[0].Row, 1000} {
		if _, err := d.Skip(t.Context(), d.id, row); !errors.Is(err, ErrNoSuchRow) {
			t.Errorf("row %d: %v", row, err)
		}
	}
	if _, err := d.Skip(t.Context(), "nobody", 1); !errors.Is(err, ErrNoSuchRow) {
		t.Error(err)
	}
	// In flight: waited for.
	begin(t, c, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 3*skipAgain)
	defer cancel()
	if _, err := d.Skip(ctx, d.id, rowOf(t, c, 3)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := d.Skip(t.Context(), d.id, rowOf(t, c, 3))
		done <- err
	}()
	settle(t, c, Settlement{Index: 3, Outcome: sender.Failed, Code: "-1", Time: noon})
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("a submission that has ended is still waited for")
	}
}
