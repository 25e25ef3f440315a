package dispatch

import (
	"context"
	"slices"

	"sluice/internal/ratelimit"
)

// A chunk is what one intent covers: recipients that are submitted next, as
// units that share a submission each.
type chunk struct {
	grant  *ratelimit.Grant
	units  [][]int
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

// next makes the next chunk and cuts it off units; nil if none may go out in time.
func (r *batchRun) next(ctx context.Context, units [][]int) (*chunk, [][]int, error) {
	if unit := units[0]; len(unit) > 1 && r.d.sender.breaker.probing() {
		// A probe may end in doubt: it is about one recipient.
		units = slices.Concat([][]int{unit[:1:1], unit[1:]}, units[1:])
	}
	set := r.d.set.Load()
	if r.d.sender.Pace.Limited(set.perSecond) {
		return r.nextPaced(ctx, set, units)
	}
	want := len(units)
	if r.d.sender.breaker.probing() {
		want = 1
	}
	n, err := r.seat.take(ctx, want)
	if err != nil {
		return nil, nil, r.d.takeFailed(ctx, err)
	}
	c := &chunk{units: units[:n]}
	c.grant, err = r.take(ctx, set, ratelimit.Ask{
		Campaign: set.paced, Weight: set.weight, PerSecond: set.perSecond, Want: len(c.indexes()), Since: r.began,
	})
	switch {
	case err != nil:
		r.seat.giveUp(n)
		return nil, nil, r.d.takeFailed(ctx, err)
	case c.grant == nil:
		r.seat.giveUp(n)
		return nil, units, nil
	case c.grant.Paced(): // from this moment on
		r.giveUp(c)
		return nil, units, nil
	}
	return c, units[n:], nil
}

// nextPaced asks for the slots of the next chunk first.
func (r *batchRun) nextPaced(ctx context.Context, set *settings, units [][]int) (*chunk, [][]int, error) {
	whole := len(units[0]) > 1
	ask := ratelimit.Ask{
		Campaign: set.paced, Weight: set.weight, PerSecond: set.perSecond,
		Want: len(units[0]), Whole: whole, Since: r.began,
	}
	if !whole {
		ask.Want = r.singles(units)
	}
	ask.More = more(units, ask)
	grant, err := r.take(ctx, set, ask)
	switch {
	case err != nil:
		return nil, nil, r.d.takeFailed(ctx, err)
	case grant == nil:
		return nil, units, nil
	}
	if whole {
		unit := units[0]
		c := r.takePlaces(ctx, &chunk{grant: grant, units: [][]int{unit[:grant.N]}})
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
// nothing. The chunk is cut to the places and the room there are; nil if there is none
// in time.
func (r *batchRun) takePlaces(ctx context.Context, c *chunk) *chunk {
	pace := r.d.sender.Pace
	if err := pace.Acquire(ctx); err != nil {
		c.grant.Refund(c.grant.N)
		return nil
	}
	places := 1
	for places < len(c.units) && pace.TryAcquire() {
		places++
	}
	n := 0
	if !c.grant.Late(0) {
		n = r.seat.try(places)
	}
	for range places - n {
		pace.Release()
	}
	if n == 0 {
		c.grant.Refund(c.grant.N)
		return nil
	}
	c.grant.Refund(len(c.units) - n)
	c.units, c.placed = c.units[:n], true
	return c
}

// giveUp gives back what a chunk took that is not begun after all.
func (r *batchRun) giveUp(c *chunk) {
	c.grant.Refund(len(c.indexes()))
	r.seat.giveUp(len(c.units))
	if c.placed {
		for range c.units {
			r.d.sender.Pace.Release()
		}
	}
}

// singles is how many of the next units, all of one recipient, are asked for: half of
// the places, for others ask too.
func (r *batchRun) singles(units [][]int) int {
	most := min(len(units), max(1, r.d.sender.Pace.Free()/2))
	if r.d.sender.breaker.probing() {
		most = 1
	}
	n := 1
	for n < most && len(units[n]) == 1 {
		n++
	}
	return n
}
