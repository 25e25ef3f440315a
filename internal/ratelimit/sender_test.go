package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// await waits until ok holds of a sender, which it locks.
func await(t *testing.T, s *Sender, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
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

// refused says that a sender gives no slot now.
func refused(t *testing.T, s *Sender) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if g, err := s.Take(ctx, Ask{Campaign: "c", Weight: 2, Want: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s got %+v, %v", s.l.o.Worker, g, err)
	}
}

// What the provider wants no messages for holds for a sender without a limit too,
// for all workers, and for one that starts later.
func TestRetryAfterWithoutALimit(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	first := New(rdb, Options{Worker: "first"}).Sender("s", Limits{MaxPause: time.Hour})
	t.Cleanup(first.Close)
	if err := first.Throttled(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	// As if the factor had climbed back.
	if err := update(t.Context(), redisStore{rdb, "s"}, func(a *answer) bool { a.head.Factor = 1; return true }); err != nil {
		t.Fatal(err)
	}
	second := New(rdb, Options{Worker: "second"}).Sender("s", Limits{})
	t.Cleanup(second.Close)
	for _, s := range []*Sender{first, second} {
		await(t, s, "told the factor", func() bool { return s.answer.now > 0 })
		refused(t, s)
	}
}

// A pause is seen, and ends for all workers when a person says so; a longer one
// than is allowed is not kept.
func TestPauseIsBoundedSeenAndEnded(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	var senders []*Sender
	for _, w := range []string{"first", "second"} {
		s := New(rdb, Options{Worker: w}).Sender("s", Limits{MessagesPerSecond: 50})
		t.Cleanup(s.Close)
		senders = append(senders, s)
	}
	var tooLong *PauseTooLongError
	if err := senders[0].Throttled(t.Context(), 24*time.Hour); !errors.As(err, &tooLong) || tooLong.Most != 15*time.Minute || tooLong.Asked != 24*time.Hour {
		t.Fatalf("a day: %v", err)
	}
	if st, err := ReadState(t.Context(), rdb, "s"); err != nil || !st.Paused.IsZero() || st.Factor > 0.7 {
		t.Fatalf("after a day was asked for: %+v, %v", st, err)
	}
	if err := senders[0].Throttled(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	st, err := ReadState(t.Context(), rdb, "s")
	if left := time.Until(st.Paused); err != nil || left < 9*time.Minute || left > 11*time.Minute {
		t.Fatalf("%+v, %v", st, err)
	}
	for _, s := range senders {
		await(t, s, "paused", func() bool { return s.paused.After(time.Now()) })
		refused(t, s)
		if s.PausedUntil().IsZero() {
			t.Error("it does not say that it is paused")
		}
	}
	if was, err := ClearPause(t.Context(), rdb, "s"); err != nil || !was {
		t.Fatal(was, err)
	}
	for _, s := range senders {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if _, err := s.Take(ctx, Ask{Campaign: "c", Weight: 2, Want: 1}); err != nil {
			t.Errorf("%s after the pause was ended: %v", s.l.o.Worker, err)
		}
		cancel()
	}
	if was, err := ClearPause(t.Context(), rdb, "s"); err != nil || was {
		t.Error("ended twice", err)
	}
}

// Throttling halves once a second at most, and comes back by a twentieth of the
// limit a second.
func TestThrottlingHalvesAndClimbs(t *testing.T) {
	t.Parallel()
	f := throttling{Factor: 1}
	at := began
	for _, tt := range []struct {
		after int64
		want  float64
	}{{0, 0.5}, {second / 2, 0.5}, {second / 2, 0.275}, {10 * second, 0.3875}} {
		at += tt.after
		f.halve(at, 0, 100)
		if f.Factor < tt.want-1e-9 || f.Factor > tt.want+1e-9 || f.Base != 100 {
			t.Errorf("after %d: %+v, not %v", at-began, f, tt.want)
		}
	}
	if got := f.now(at + 20*second); got != 1 {
		t.Errorf("20 s later it is %v", got)
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
	await(t, first, "on the list", func() bool { return rdb.HExists(t.Context(), keys.SenderWorkers("s"), "first").Val() })
	second := New(rdb, Options{Worker: "second"}).Sender("s", limits)
	t.Cleanup(second.Close)
	await(t, second, "told of the first", func() bool { return second.answer.now > 0 })
	// It cannot have been busy yet.
	await(t, second, "down to one place", func() bool { return second.inFlightShare == 1 })
	if err := second.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second.TryAcquire() && first.Free() > 31 {
		t.Error("it took a second place before the first worker had made room")
	}
	await(t, first, "sharing", func() bool { return first.inFlightShare == 32 })
	await(t, second, "sharing", func() bool { return second.inFlightShare == 32 })
}

// After Redis' clock was set back, what was granted goes out first, and then the
// sender goes on; it does not wait for the old time to come again.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]wanted{
		"singles":  {ID: "c", Weight: 2, Want: 1000},
		"own rate": {ID: "c", Weight: 2, Want: 1000, PerSecond: 50},
		"whole":    {ID: "c", Weight: 2, Want: 1000, Whole: true},
	} {
		d := newDesk()
		now := began
		end := 0.0 // of what was granted, from now on
		req := request{Worker: "w", MPS: 100, RPS: 10, Asks: []wanted{a}}
		for range 3 {
			for _, s := range ask(t, d, now, req).Slots {
				end = max(end, float64(s.At-now)+float64(s.N)*s.Step)
			}
		}
		back := now - 3600e6
		var first float64
		for at := back; first == 0; at += 100_000 {
			for _, s := range ask(t, d, at, req).Slots {
				first = float64(s.At - back)
				break
			}
			if at > back+20e6 {
				t.Fatalf("%s: nothing in twenty seconds", name)
			}
		}
		if first < end+0.9e6 {
			t.Errorf("%s: a slot after %.1f s; what the old clock granted ends after %.1f s", name, first/1e6, end/1e6)
		}
	}
}

// The store in Go that the other tests use says and does what the scripts do.
func TestMemoryIsAsRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	rapid.Check(t, func(rt *rapid.T) {
		rdb.FlushAll(t.Context())
		var now int64
		real, mem := redisStore{rdb, "s"}, newMemory(func() int64 { return now })
		version := "0"
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			worker := rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "worker")
			var a, b *answer
			var err error
			if rapid.Bool().Draw(rt, "commits") {
				c := change{
					version: rapid.SampledFrom([]string{version, "0", "7"}).Draw(rt, "version"), worker: worker, bucket: int64(rapid.IntRange(3, 4).Draw(rt, "bucket")),
					count: rapid.IntRange(0, 2).Draw(rt, "count"), schedule: newSchedule(), slots: map[string][]Slot{},
					past: []int64{1, 3}[:rapid.IntRange(0, 2).Draw(rt, "past")],
				}
				c.schedule.Next, c.schedule.Reach = now+int64(rapid.IntRange(0, 2e6).Draw(rt, "next")), now+int64(rapid.IntRange(0, 2e6).Draw(rt, "reach"))
				for _, w := range []string{"a", "b"} {
					for k := range rapid.IntRange(0, 2).Draw(rt, "slots") {
						c.slots[w] = append(c.slots[w], Slot{Worker: w, Campaign: uint64(k), N: k + 1, At: now + int64(k), Step: 1.5, Whole: k == 1})
					}
				}
				if a, err = real.commit(t.Context(), c); err != nil {
					rt.Fatal(err)
				}
				now = a.now
				b, err = mem.commit(t.Context(), c)
			} else {
				r := report{worker: worker, flight: rapid.IntRange(-1, 3).Draw(rt, "flight"), reach: 1e6, fresh: rapid.Bool().Draw(rt, "fresh"), force: rapid.IntRange(0, 3).Draw(rt, "force") == 0}
				if worker != "" && rapid.Bool().Draw(rt, "wants") {
					r.demands = []Demand{{Campaign: 5, Weight: 2, Want: 9, Whole: 3, PerSecond: 1.5}, {Campaign: 6, Weight: 1, Want: 1}}
				}
				if a, err = real.beat(t.Context(), r); err != nil {
					rt.Fatal(err)
				}
				now = a.now
				b, err = mem.beat(t.Context(), r)
				version = a.version
			}
			if err != nil {
				rt.Fatal(err)
			}
			if got, want := fmt.Sprintf("%+v", *a), fmt.Sprintf("%+v", *b); got != want {
				rt.Fatalf("Redis says\n%s\nthe memory\n%s", got, want)
			}
		}
	})
}

// Who is no worker of a sender slows it down, once a second at most; one that has no
// limit, or never sent, is left alone.
func TestSlow(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	s := New(rdb, Options{Worker: "w"}).Sender("s", Limits{MessagesPerSecond: 100})
	t.Cleanup(s.Close)
	await(t, s, "told the limit", func() bool { return s.answer.now > 0 && s.answer.head.Messages > 0 })
	for range 3 {
		if err := Slow(t.Context(), rdb, "s"); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := ReadState(t.Context(), rdb, "s"); err != nil || st.Factor < 0.45 || st.Factor > 0.9 {
		t.Errorf("%+v, %v: half the pace, and what it has climbed since", st, err)
	}
	if err := Slow(t.Context(), rdb, "never"); err != nil {
		t.Error(err)
	}
	if st, err := ReadState(t.Context(), rdb, "never"); err != nil || st.Factor != 1 {
		t.Errorf("%+v, %v", st, err)
	}
}
