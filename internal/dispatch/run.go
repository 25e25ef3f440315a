package dispatch

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// soon is a wait that is spent in the handler and not in the queue.
const soon = time.Second

// A batchRun is one batch in the hands of this worker, from its claim to its
// release.
type batchRun struct {
	d         *Dispatcher
	host      *Host
	n         int
	claim     *ledger.Claim
	seat      *seat
	committer *committer
	began     time.Time // of this process' own clock
	// historyAtPassStart is each recipient's at the start of a pass, in which it is
	// submitted once at most: what the ledger learns meanwhile concerns others.
	historyAtPassStart []history
	eligibility        eligibility
	withdrawn          withdrawn
}

// A history is what a recipient's earlier submissions were.
type history struct {
	tries, attempts int
	code            sender.Code // of the last outcome
	at              time.Time   // of the last outcome
}

func historyOf(p ledger.Pending) history {
	return history{tries: p.Tries, attempts: p.Attempts, code: p.Code, at: p.Time}
}

func newRun(d *Dispatcher, claim *ledger.Claim) *batchRun {
	r := &batchRun{d: d, host: &d.host, n: claim.N, claim: claim, began: time.Now(), historyAtPassStart: make([]history, len(claim.Recipients))}
	r.committer = newCommitter(claim, func(ctx context.Context) error { return d.host.Campaigns.Reopen(ctx, d.id, claim) })
	r.seat = d.sender.room.enter(d.id, d.set.Load().weight, r.began, r.committer.hasten, d.host.Wanting)
	r.committer.seat = r.seat
	return r
}

// send submits what the ledger says is left of the batch, until nothing is
// pending, or the rest must wait, or the campaign or the worker stops here.
func (r *batchRun) send(ctx context.Context) error {
	deadline := r.began.Add(r.host.HandBack)
	for {
		ready, next := r.ready()
		if len(ready) > 0 {
			if err := r.pass(ctx, ready, deadline); err != nil {
				return err
			}
			continue
		}
		if next.IsZero() {
			return nil
		}
		wait := next.Sub(r.host.Now())
		if wait > soon {
			return &Snooze{After: wait, Why: r.waiting()}
		}
		if err := r.d.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// ready are the recipients to submit now, in input order, and when the first of
// the others is due; zero where nobody is pending.
func (r *batchRun) ready() (ready []int, next time.Time) {
	now := r.host.Now()
	for i, p := range r.claim.Pending() {
		r.historyAtPassStart[i] = historyOf(p)
		at := latest(r.d.dueAt(r.n, i, p), r.opens(i, now))
		switch {
		case !at.After(now):
			ready = append(ready, i)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return ready, next
}

// waiting says for the queue's web UI why the batch waits: those who were never
// submitted to wait for their own time of day.
func (r *batchRun) waiting() string {
	codes := map[string]int{}
	retries, windows := 0, 0
	for _, p := range r.claim.Pending() {
		if p.Tries == 0 {
			windows++
			continue
		}
		codes[string(p.Code)]++
		retries++
	}
	switch {
	case retries == 0:
		return fmt.Sprintf("%d recipients wait for their time of day", windows)
	case windows == 0:
		return fmt.Sprintf("%d recipients wait for their retry after %s", retries, CountsText(codes))
	}
	return fmt.Sprintf("%d recipients wait for their time of day, %d for their retry after %s", windows, retries, CountsText(codes))
}

// pass submits the recipients of ready once each; those whose slot passed get
// another one. The next are begun while those before are being submitted.
func (r *batchRun) pass(ctx context.Context, ready []int, deadline time.Time) error {
	units := r.d.group(r.claim.Recipients, r.historyAtPassStart, ready)
	r.eligibility.suppressionVersion = 0 // of a list that changed since, only those of the last pass were asked
	chunks := make(chan *chunk, 64)
	r.committer.start()
	r.committer.submitting.Go(func() {
		for c := range chunks {
			r.submit(ctx, c)
		}
	})
	err := r.feed(ctx, units, chunks, deadline)
	for err == nil {
		if units = r.retryWithdrawn(); len(units) == 0 {
			break
		}
		err = r.feed(ctx, units, chunks, deadline)
	}
	close(chunks)
	r.committer.submitting.Wait()
	if settleErr := r.committer.stop(); err == nil {
		err = settleErr
	}
	return err
}

// feed takes the units' slots and room for their intents, writes those and hands the
// units on.
func (r *batchRun) feed(ctx context.Context, units [][]int, chunks chan<- *chunk, deadline time.Time) error {
	defer r.seat.expect(0)
	stoppable, cancel := r.d.untilStopped(ctx)
	defer cancel()
	for len(units) > 0 {
		r.seat.expect(len(units))
		if err := r.mayGoOn(ctx, deadline); err != nil {
			return err
		}
		var err error
		if units, err = r.eligible(ctx, units); err != nil || len(units) == 0 {
			return err
		}
		c, rest, err := r.next(stoppable, units)
		if err != nil {
			return err
		}
		if c == nil {
			continue // no place in flight in time; the slot is lost
		}
		named, err := r.named(ctx, c.indexes())
		if err != nil {
			r.giveUp(c)
			return err
		}
		if named || r.closed(c.indexes()) {
			// Somebody was suppressed or a window closed while the chunk waited: give its
			// slots back; the next pass looks at each recipient again.
			r.giveUp(c)
			units = rest
			continue
		}
		c.incarnation = r.host.Heartbeat.Incarnation()
		began := time.Now()
		if refused := r.committer.turn(c.indexes()); refused != nil {
			r.giveUp(c)
			return r.d.beginFailed(refused)
		}
		r.d.sender.room.wrote(time.Since(began))
		c.grant.Begun()
		r.withdrawn.pendingDecisions.Add(len(c.units))
		chunks <- c
		units = rest
	}
	return nil
}

// mayGoOn says whether another chunk may be begun, after waiting for the circuit
// breaker. A Snooze of no time hands the rest of the batch back.
func (r *batchRun) mayGoOn(ctx context.Context, deadline time.Time) error {
	for {
		switch {
		case r.d.stopped.Err() != nil || ctx.Err() != nil:
			return &Snooze{Why: "the worker or the campaign stopped"}
		case time.Now().After(deadline):
			return &Snooze{Why: "the batch takes long; its rest goes on"}
		case !r.d.sender.breaker.holds() && !r.host.Heartbeat.Lapsed(r.host.Heartbeat.Incarnation()):
			return nil // an intent of an incarnation that is over would only be withdrawn
		}
		if err := r.d.pause(ctx, breakerPoll); err != nil {
			return err
		}
	}
}
