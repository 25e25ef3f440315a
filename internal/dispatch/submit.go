package dispatch

import (
	"context"
	"slices"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

// submit makes the submissions of a chunk, each at its time. What is not
// submitted after all is withdrawn, which costs nobody anything.
func (r *batchRun) submit(ctx context.Context, c *chunk) {
	var withdrawn []int
	decided := 0
	for i, unit := range c.units {
		if r.d.stopped.Err() != nil {
			withdrawn = append(withdrawn, slices.Concat(c.units[i:]...)...)
			decided += len(c.units) - i
			if c.placed {
				for range c.units[i:] {
					r.d.sender.Pace.Release()
				}
			}
			break
		}
		if !r.submitUnit(ctx, c, i, unit) {
			withdrawn = append(withdrawn, unit...)
			decided++
		}
	}
	if decided > 0 {
		r.withdraw(c.grant, decided, withdrawn)
	}
	r.withdrawn.pendingDecisions.Add(-decided)
}

// submitUnit waits for the unit's slot and a place in flight, and starts its
// submission; or returns false where the slot is gone.
func (r *batchRun) submitUnit(ctx context.Context, c *chunk, i int, unit []int) bool {
	account := r.d.sender
	if !c.placed {
		if err := account.Pace.Acquire(ctx); err != nil {
			return false
		}
	}
	if err := c.grant.Wait(ctx, i); err != nil {
		account.Pace.Release()
		return false
	}
	r.committer.submitting.Add(1)
	account.pool.do(func() {
		defer r.committer.submitting.Done()
		defer account.Pace.Release()
		report, ok := r.admit(c, i, unit)
		if !ok {
			r.withdraw(c.grant, 1, unit)
		}
		r.withdrawn.pendingDecisions.Done()
		if ok {
			r.seat.out(1)
			r.post(c.grant, unit, report)
		}
	})
	return true
}

// admit returns the function that tells the breaker the result, or false where the
// unit has waited too long for its slot, its place and a processor: the slot, the
// worker's heartbeat or the breaker is gone.
func (r *batchRun) admit(c *chunk, i int, unit []int) (report func(sender.Result) bool, ok bool) {
	breaker := r.d.sender.breaker
	if r.d.stopped.Err() != nil || r.host.Heartbeat.Lapsed(c.incarnation) || c.grant.Late(i) || len(unit) > 1 && breaker.probing() {
		return nil, false
	}
	return breaker.allow()
}

// withdraw takes the intents of units back that are not acted on, which costs nobody
// anything.
func (r *batchRun) withdraw(g *ratelimit.Grant, units int, indexes []int) {
	g.Refund(len(indexes))
	r.host.Metrics.withdraw(len(indexes))
	r.seat.out(units)
	r.committer.addWithdrawal(units, indexes)
	r.withdrawn.add(indexes)
}

// post makes one submission and records its results.
func (r *batchRun) post(g *ratelimit.Grant, unit []int, report func(sender.Result) bool) {
	ctx := sender.WithAgain(context.Background(), r.again)
	if len(unit) == 1 {
		var out [1]sender.Result
		i := unit[0]
		r.d.submit(ctx, r.ref(i), r.claim.Recipients[i:i+1], out[:])
		r.record(g, unit, out[:], report(out[0]))
		return
	}
	recipients := make([]recipient, len(unit))
	for k, i := range unit {
		recipients[k] = r.claim.Recipients[i]
	}
	out := make([]sender.Result, len(unit))
	r.d.submit(ctx, r.ref(unit[0]), recipients, out)
	r.record(g, unit, out, report(out[0]))
}

// again takes a slot for a second request of a submission; the day counted its
// messages with the first. False where the worker or the campaign stops.
func (r *batchRun) again() bool {
	set := r.d.set.Load()
	for r.d.stopped.Err() == nil {
		g, err := r.d.sender.Pace.Take(r.d.stopped, ratelimit.Ask{
			Campaign: set.paced, Weight: set.weight, PerSecond: set.perSecond, Want: 1, Since: r.began,
		})
		if err != nil {
			return false
		}
		g.Refund(1)
		if g.Wait(r.d.stopped, 0) == nil {
			return true
		}
	}
	return false
}

func (r *batchRun) ref(i int) sender.Ref {
	return sender.Ref{Campaign: r.d.id, Batch: r.n, Index: i, Try: r.historyAtPassStart[i].tries + 1}
}

// record adds results to the next commit, after what follows at once for campaign
// and sender.
func (r *batchRun) record(g *ratelimit.Grant, unit []int, out []sender.Result, closed bool) {
	now := r.host.Now()
	unused := 0
	r.d.atFirst(out)
	r.d.applySenderWide(r.claim.Recipients, unit, out)
	settled := make([]ledger.Settlement, len(out))
	for k, res := range out {
		if res.OptOut {
			r.d.optOut(r.claim.Recipients[unit[k]].Phone)
		}
		if res.Outcome != sender.Accepted && res.Outcome != sender.Unknown {
			unused++
		}
		settled[k] = r.settlement(unit[k], res, closed, now)
	}
	r.committer.add(settled...)
	g.Refund(unused)
}

// settlement is the ledger's entry for one result.
func (r *batchRun) settlement(i int, res sender.Result, closed bool, now time.Time) ledger.Settlement {
	st := ledger.Settlement{Index: i, Outcome: res.Outcome, Pair: res.Pair, Code: res.Code, MessageID: res.MessageID, Time: now}
	if res.Outcome != sender.Failed && (res.Outcome != sender.Unknown || !r.d.resend) {
		return st
	}
	costs := r.d.sender.breaker.costs(res, closed, r.historyAtPassStart[i].at)
	switch {
	case !costs && res.Outcome == sender.Failed:
		st.Free = true // the outage's failure, not the recipient's
	case costs && r.historyAtPassStart[i].attempts+1 >= r.d.set.Load().maxAttempts:
		st.Outcome, st.Code = sender.Rejected, res.Code.Exhausted()
	}
	return st
}
