package ratelimit

import (
	"testing"
	"time"
)

// Of a campaign's batches the oldest gets the slots, as long as it takes them.
func TestOldestBatchGoesFirst(t *testing.T) {
	t.Parallel()
	s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000})
	now := time.Now()
	wait := func(began time.Time) *waiter {
		w := &waiter{ask: Ask{Campaign: "c", Want: 1000, Since: began}, got: make(chan *Grant, 1)}
		s.waiting = append(s.waiting, w)
		return w
	}
	younger, older := wait(now), wait(now.Add(-time.Second))
	s.parts["c"] = []*Grant{{N: 1000, start: now.Add(20 * time.Millisecond), step: time.Millisecond, s: s}}
	s.serve()
	if len(older.got) != 1 || len(younger.got) != 0 {
		t.Errorf("%d pieces for the older batch, %d for the younger", len(older.got), len(younger.got))
	}
}

// More slots are asked for before those in hand end, also where the batch that got
// the last of them is not back yet; but not more than it wants.
func TestSlotsAreAskedForEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ want, inHand, ask int }{{1000, 10, 990}, {1000, 500, 0}, {10, 10, 0}} {
		s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000})
		now := time.Now()
		s.waiting = []*waiter{{ask: Ask{Campaign: "c", Want: tt.want, Since: now}, got: make(chan *Grant, 1)}}
		s.parts["c"] = []*Grant{{N: tt.inHand, start: now.Add(20 * time.Millisecond), step: time.Millisecond, s: s}}
		asks, soonest := s.serve()
		asked := 0
		for _, a := range asks {
			asked += a.Want
		}
		if len(s.waiting) > 0 || asked != tt.ask {
			t.Errorf("%+v: asked for %d; %d wait", tt, asked, len(s.waiting))
		}
		if tt.inHand == 500 && soonest.IsZero() {
			t.Error("nothing says when to ask")
		}
	}
}

// Slots of a campaign that asks no more, or wants fewer, are given back to the day.
func TestSlotsThatNobodyTakes(t *testing.T) {
	t.Parallel()
	s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000, MessagesPerDay: 1000})
	past := time.Now().Add(-time.Second)
	s.parts["paced"] = []*Grant{{N: 100, start: past, step: time.Millisecond, bucket: 7, s: s}}
	s.parts["whole"] = []*Grant{{N: 100, start: past, bucket: 7, s: s}}
	s.parts["less"] = []*Grant{{N: 100, start: time.Now().Add(time.Hour), bucket: 7, s: s}}
	s.waiting = []*waiter{{ask: Ask{Campaign: "less", Want: 99, Whole: true}, got: make(chan *Grant, 1)}}
	s.serve()
	delete(s.parts, "less")
	if len(s.parts) != 0 || s.back[7] != 201 {
		t.Errorf("%d campaigns keep slots, %d are given back", len(s.parts), s.back[7])
	}
}

// What one campaign was told to wait for holds back no other.
func TestNewcomerIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000})
	now := time.Now()
	s.clock.sample(0, now, now)
	s.learn(&answer{Wait: 60e6, Why: "horizon"}, answer{}, []scriptA{{ID: "old"}})
	for _, tt := range []struct {
		id   string
		asks int
	}{{"old", 0}, {"newcomer", 2}} {
		s.waiting = append(s.waiting, &waiter{ask: Ask{Campaign: tt.id, Want: 1, Since: now}, got: make(chan *Grant, 1)})
		if asks, _ := s.serve(); len(asks) != tt.asks || s.notBefore().After(now) {
			t.Errorf("with %s: %d questions, not before %v", tt.id, len(asks), s.notBefore().Sub(now))
		}
	}
}

// Once the day is full nothing is asked for a batch that has yet to learn it.
func TestDayFullEndsAsking(t *testing.T) {
	t.Parallel()
	s := newSender(New(nil, Options{}), "s", Limits{MessagesPerSecond: 1000, MessagesPerDay: 1000})
	now := time.Now()
	s.clock.sample(0, now, now)
	ask := Ask{Campaign: "c", Want: 10, Since: now}
	s.rest[ask.batch()] = wish{ask, now.Add(time.Minute)}
	s.learn(&answer{Wait: 60e6, Why: "day"}, answer{}, []scriptA{{ID: "c"}})
	if asks, _ := s.serve(); len(asks) != 0 {
		t.Errorf("%d questions", len(asks))
	}
}
