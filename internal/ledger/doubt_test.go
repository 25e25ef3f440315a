package ledger

import (
	"errors"
	"fmt"
	"testing"

	"sluice/internal/sender"
)

// Each doubt is told of once: by the settlement that leaves it, or by the claim
// that finds what a worker left in flight.
func TestDoubtsAreToldOnce(t *testing.T) {
	t.Parallel()
	unknown := func(i int) Settlement {
		return Settlement{Index: i, Outcome: sender.Unknown, Code: "timeout", Time: noon}
	}
	for _, resend := range []bool{false, true} {
		t.Run(fmt.Sprintf("resend %t", resend), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			told := 0
			d.OnDoubt(func(n int) { told += n })
			is := func(when string, want int) {
				t.Helper()
				if resend {
					want = 0
				}
				if told != want {
					t.Errorf("%s: told of %d doubts, want %d", when, told, want)
				}
			}
			d.stage(t, 0, 5)
			first := d.claim(t, 0, "w1", resend)
			begin(t, first, 0, 1, 2, 3)
			settle(t, first, unknown(1))
			is("an unknown outcome", 1)
			settle(t, first, accept(0)...)
			is("an acceptance after it", 1)
			second := claimAnew(t, d, "w1", resend)
			is("a claim that finds two in flight", 3)
			settle(t, first, unknown(2))
			is("a late outcome that leaves the doubt", 3)
			if resend {
				begin(t, second, 1, 2, 3)
				settle(t, second, append(accept(2, 3), unknown(1))...)
			}
			third := claimAnew(t, d, "w1", resend)
			is("a claim that finds nothing new", 3)
			begin(t, third, 4)
			claimAnew(t, d, "w1", resend)
			is("a claim that leaves nothing to do", 4)
		})
	}
}

// claimAnew claims batch 0, which may have nothing pending.
func claimAnew(t *testing.T, d *desk, worker string, resend bool) *Claim {
	t.Helper()
	c, err := d.Claim(t.Context(), d.id, 0, worker, resend)
	if err != nil && !errors.Is(err, ErrDone) {
		t.Fatal(err)
	}
	return c
}
