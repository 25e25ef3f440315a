package dispatch

import (
	"context"
	"slices"
	"time"

	"sluice/internal/ratelimit"
)

// A chunk is what one intent covers: recipients that are submitted next, as
// units that share a submission each.
type chunk struct {
	grant  *ratelimit.Grant
	units  [][]int
	whole  bool // one unit, which goes out at one instant
	placed bool // each unit has its place in flight
	// incarnation is the worker's when the chunk was begun.
	incarnation int64
}

// indexes are all recipients of the chunk.
func (c *chunk) indexes() []int {
	if len(c.units) == 1 {
		return c.units[0]
	}
	return slices.Concat(c.units...)
}

// next asks for the slots of the next chunk and cuts it off units.
func (r *batchRun) next(ctx context.Context, units [][]int) (*chunk, [][]int, error) {
	if unit := units[0]; len(unit) > 1 && r.d.sender.breaker.probing() {
		// A probe may end in doubt: it is about one recipient.
		units = slices.Concat([][]int{unit[:1:1], unit[1:]}, units[1:])
	}
	whole := len(units[0]) > 1
	set := r.d.set.Load()
	ask := ratelimit.Ask{
		Campaign: set.paced, Weight: set.weight, PerSecond: set.perSecond,
		Want: len(units[0]), Whole: whole, Since: r.began,
	}
	if !whole {
		ask.Want = r.singles(units)
	}
	ask.More = more(units, ask)
	ctx, cancel := r.d.untilStopped(ctx)
	defer cancel()
	grant, err := r.take(ctx, set, ask)
	switch {
	case err != nil:
		return nil, nil, r.d.takeFailed(ctx, err)
	case grant == nil:
		return nil, units, nil
	}
	if whole {
		unit := units[0]
		c := r.takePlaces(ctx, &chunk{grant: grant, units: [][]int{unit[:grant.N]}, whole: true})
		switch {
		case c == nil:
			return nil, units, nil
		case grant.N < len(unit):
			units[0] = unit[grant.N:]
			return c, units, nil
		}
		return c, units[1:], nil
	}
	c := r.takePlaces(ctx, &chunk{grant: grant, units: units[:grant.N]})
	if c == nil {
		return nil, units, nil
	}
	return c, units[len(c.units):], nil
}

// take waits for slots under settings; nil where others hold before there are any.
func (r *batchRun) take(ctx context.Context, set *settings, ask ratelimit.Ask) (*ratelimit.Grant, error) {
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(set.replaced, cancel)()
	asked := r.host.Now()
	grant, err := r.d.sender.Pace.Take(short, ask)
	r.host.Metrics.waited(r.d.sender.Name, r.host.Now().Sub(asked))
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		return nil, nil //nolint:nilnil // as is said above
	}
	return grant, err
}

// more is how many messages of the same kind the units have beside what is asked for.
func more(units [][]int, ask ratelimit.Ask) int {
	n := -ask.Want
	for _, unit := range units {
		if len(unit) > 1 == ask.Whole {
			n += len(unit)
		}
	}
	return n
}

// takePlaces takes the chunk's places in flight where there is a pace: a submission
// that waited for its place would miss its slot, and its intent would stand for
// nothing. The chunk is cut to the places there are; nil if there is none in time.
func (r *batchRun) takePlaces(ctx context.Context, c *chunk) *chunk {
	pace := r.d.sender.Pace
	if !pace.Limited(r.d.set.Load().perSecond) {
		return c
	}
	if err := pace.Acquire(ctx); err != nil {
		c.grant.Refund(c.grant.N)
		return nil
	}
	if c.grant.Late(0) {
		pace.Release()
		c.grant.Refund(c.grant.N)
		return nil
	}
	n := 1
	for n < len(c.units) && pace.TryAcquire() {
		n++
	}
	c.grant.Refund(len(c.units) - n)
	c.units, c.placed = c.units[:n], true
	return c
}

// giveUp gives back what a chunk took that is not begun after all.
func (r *batchRun) giveUp(c *chunk) {
	c.grant.Refund(len(c.indexes()))
	if c.placed {
		for range c.units {
			r.d.sender.Pace.Release()
		}
	}
}

// singles is how many of the next units, all of one recipient, are asked for.
// Where there is a pace it cuts the chunk; elsewhere the speed that was seen does.
func (r *batchRun) singles(units [][]int) int {
	most := len(units)
	switch {
	case r.d.sender.breaker.probing():
		return 1
	case !r.d.sender.Pace.Limited(r.d.set.Load().perSecond):
		most = min(most, r.d.tempo.size(time.Now()))
	default:
		// Half of the places, for others ask too.
		most = min(most, max(1, r.d.sender.Pace.Free()/2))
	}
	n := 1
	for n < most && len(units[n]) == 1 {
		n++
	}
	return n
}
