package ratelimit

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice/internal/redistest"
)

// await waits until ok holds of a sender, which it locks.
func await(t *testing.T, s *Sender, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		there := ok()
		s.mu.Unlock()
		if there {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not %s", what)
		}
	}
}

// What the provider wants no messages for holds for a sender without a limit too,
// for all workers, and for one that starts later.
func TestRetryAfterWithoutALimit(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	first := New(rdb, Options{Worker: "first"}).Sender("s", Limits{})
	t.Cleanup(first.Close)
	if err := first.Throttled(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	// As if the factor had climbed back.
	rdb.HSet(t.Context(), paceKey("s"), "factor", 1)
	second := New(rdb, Options{Worker: "second"}).Sender("s", Limits{})
	t.Cleanup(second.Close)
	for _, s := range []*Sender{first, second} {
		await(t, s, "told the factor", func() bool { return s.live.Now > 0 })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		g, err := s.Take(ctx, Ask{Campaign: "c", Weight: 2, Want: 1})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s got %+v, %v", s.l.o.Worker, g, err)
		}
	}
}

// A worker that joins others that have work has one place in flight until they
// have made room.
func TestWorkerThatJoins(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	limits := Limits{InFlight: 64}
	first := New(rdb, Options{Worker: "first"}).Sender("s", limits)
	t.Cleanup(first.Close)
	if err := first.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, first, "on the list", func() bool { return rdb.HExists(t.Context(), workersKey("s"), "first").Val() })
	second := New(rdb, Options{Worker: "second"}).Sender("s", limits)
	t.Cleanup(second.Close)
	await(t, second, "told of the first", func() bool { return second.live.Now > 0 })
	// It cannot have been busy yet.
	await(t, second, "down to one place", func() bool { return second.part == 1 })
	if err := second.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second.TryAcquire() && first.Free() > 31 {
		t.Error("it took a second place before the first worker had made room")
	}
	await(t, first, "sharing", func() bool { return first.part == 32 })
	await(t, second, "sharing", func() bool { return second.part == 32 })
}

// After Redis' clock was set back, what was granted goes out first, and then the
// sender goes on; it does not wait for the old time to come again.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	for name, a := range map[string]scriptA{
		"singles":  {ID: "c", Weight: 2, Want: 1000},
		"own rate": {ID: "c", Weight: 2, Want: 1000, PerSecond: 50},
		"whole":    {ID: "c", Weight: 2, Want: 1000, Whole: true},
	} {
		now := int64(1_700_000_000_000_000)
		end := 0.0 // of what was granted, from now on
		req := request{Worker: "w", Busy: true, Stamp: 1, MPS: 100, RPS: 10, Burst: 1, Lead: 1000, Now: now, Asks: []scriptA{a}}
		for range 3 {
			got, err := call(t.Context(), rdb, name, req)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range got.Slots {
				end = max(end, s.Start+float64(s.N)*s.Step)
			}
		}
		back := now - 3600e6
		var first float64
		for req.Now = back; first == 0; req.Now += 100_000 {
			got, err := call(t.Context(), rdb, name, req)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range got.Slots {
				first = float64(req.Now-back) + s.Start
			}
			if req.Now > back+20e6 {
				t.Fatalf("%s: nothing in twenty seconds", name)
			}
		}
		if first < end+1e6 {
			t.Errorf("%s: a slot after %.1f s; what the old clock granted ends after %.1f s", name, first/1e6, end/1e6)
		}
	}
}
