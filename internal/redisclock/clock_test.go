package redisclock

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/redistest"
)

const ms = time.Millisecond

var (
	own  = time.Unix(1_000_000_000, 0)
	then = time.Unix(1_790_000_000, 0) // Redis' time at own
)

// A look says that Redis' clock showed what it does, ahead by offset, at some
// time of its round trip.
type look struct {
	after, trip, offset time.Duration
	at                  float64 // where in the trip, 0 to 1
}

func (c *Clock) take(l look) (received time.Time) {
	sent := own.Add(l.after)
	shown := then.Add(l.after + time.Duration(l.at*float64(l.trip)) + l.offset)
	c.Sample(shown, sent, sent.Add(l.trip))
	return sent.Add(l.trip)
}

// off is by how much the clock is wrong at an own time.
func (c *Clock) off(at time.Time, offset time.Duration) time.Duration {
	return c.Shown(at).Sub(then.Add(at.Sub(own) + offset))
}

func TestWhichLookIsBelieved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		looks  []look
		offset time.Duration // of Redis' clock at last
		within time.Duration
	}{
		{"one", []look{{0, 10 * ms, 0, 0}}, 0, 5 * ms},
		{"an answer that was two seconds late does not move a good one", []look{{0, ms, 0, .5}, {10 * time.Second, 2 * time.Second, 0, 0}}, 0, ms},
		{"nor one whose question was late", []look{{0, ms, 0, .5}, {10 * time.Second, 2 * time.Second, 0, 1}}, 0, ms},
		{"a good one mends a late one", []look{{0, 2 * time.Second, 0, 0}, {3 * time.Second, ms, 0, .5}}, 0, ms},
		{"a clock that was set forward is believed", []look{{0, ms, 0, .5}, {10 * time.Second, 4 * ms, time.Hour, .5}}, time.Hour, 2 * ms},
		{"a clock that was set back is believed", []look{{0, ms, 0, .5}, {10 * time.Second, 4 * ms, -300 * ms, .5}}, -300 * ms, 2 * ms},
		{"a late answer tells of a clock that was set by more", []look{{0, ms, 0, .5}, {10 * time.Second, 2 * time.Second, -time.Hour, 1}}, -time.Hour, time.Second},
		{"what is known ages", []look{{0, ms, 0, .5}, {time.Hour, 100 * ms, 300 * ms, .5}}, 300 * ms, 50 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c Clock
			var received time.Time
			for _, l := range tt.looks {
				received = c.take(l)
			}
			if off := c.off(received, tt.offset); off.Abs() > tt.within {
				t.Errorf("wrong by %s, want %s at most", off, tt.within)
			}
		})
	}
}

// However late answers are, the time is wrong by half of the shortest trip at
// most, and by the drift since.
func TestClockIsWrongByTheBestLook(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c Clock
		after := time.Duration(0)
		bound := time.Duration(1 << 62)
		for range rapid.IntRange(1, 20).Draw(t, "looks") {
			l := look{
				after: after,
				trip:  time.Duration(rapid.IntRange(1, 2_000_000).Draw(t, "trip")) * time.Microsecond,
				at:    rapid.Float64Range(0, 1).Draw(t, "at"),
			}
			received := c.take(l)
			bound = min(bound, l.trip/2)
			drift := time.Duration(received.Sub(own).Seconds() * float64(clockDrift))
			if off := c.off(received, 0); off.Abs() > bound+drift+time.Microsecond {
				t.Fatalf("wrong by %s after trips of %s at best", off, 2*bound)
			}
			if at := c.Local(c.Shown(received)); at.Sub(received).Abs() > time.Microsecond {
				t.Fatalf("now is %s from now", at.Sub(received))
			}
			after += l.trip + time.Duration(rapid.IntRange(0, 60_000).Draw(t, "wait"))*ms
		}
	})
}

// A new Clock has looked at the real one.
func TestNew(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	c, err := New(t.Context(), rdb)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Now()
	shown, err := rdb.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if after := c.Now(); shown.Before(before.Add(-sharp)) || shown.After(after.Add(sharp)) {
		t.Errorf("%s, and Redis says %s", before, shown)
	}
	rdb.Close()
	if _, err := New(t.Context(), rdb); err == nil {
		t.Error("a clock without a Redis")
	}
}
