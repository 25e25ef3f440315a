package ratelimit

import (
	"testing"
	"time"
)

// lonely is a sender that nobody runs.
func lonely(lim Limits) *Sender {
	return newSender(New(nil, Options{Worker: "w"}), "s", lim, nil)
}

func (s *Sender) waits(ask Ask) *waiter {
	w := &waiter{ask: ask, got: make(chan *Grant, 1)}
	s.lane(ask.Campaign).join(w)
	return w
}

// Of a campaign's batches the oldest gets the slots, as long as it takes them.
func TestOldestBatchGoesFirst(t *testing.T) {
	t.Parallel()
	s := lonely(Limits{MessagesPerSecond: 1000})
	now := time.Now()
	wait := func(began time.Time) *waiter { return s.waits(Ask{Campaign: "c", Want: 1000, Since: began}) }
	younger, older := wait(now), wait(now.Add(-time.Second))
	l := s.lane("c")
	l.slots = []span{{n: 1000, start: now.Add(20 * time.Millisecond), step: time.Millisecond}}
	s.serve(l, now)
	if len(older.got) != 1 || len(younger.got) != 0 {
		t.Errorf("%d pieces for the older batch, %d for the younger", len(older.got), len(younger.got))
	}
}

// More slots are asked for before those in hand end, also where the batch that got
// the last of them is not back yet; but not more than it wants.
func TestSlotsAreAskedForEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ want, inHand, ask int }{{1000, 10, 990}, {1000, 500, 500}, {10, 10, 0}} {
		s := lonely(Limits{MessagesPerSecond: 1000})
		now := time.Now()
		s.waits(Ask{Campaign: "c", Want: tt.want, Since: now})
		l := s.lane("c")
		l.slots = []span{{n: tt.inHand, start: now.Add(20 * time.Millisecond), step: time.Millisecond}}
		s.serve(l, now)
		s.hunger(l, now)
		asked := 0
		for _, d := range s.report(s.turn()).demands {
			asked += d.Want
		}
		if len(l.waiting) > 0 || asked != tt.ask {
			t.Errorf("%+v: asked for %d; %d wait", tt, asked, len(l.waiting))
		}
		if tt.ask > 0 && s.freshAt.IsZero() || s.freshAt.After(now.Add(time.Second)) {
			t.Error("nothing says when to ask")
		}
	}
}

// A message whose slot has passed goes in the next one that is in hand, without
// another question.
func TestLateMessageGoesNext(t *testing.T) {
	t.Parallel()
	s := lonely(Limits{MessagesPerSecond: 100})
	now := time.Now()
	l := s.lane("c")
	l.slots = []span{{n: 40, start: now.Add(-100 * time.Millisecond), step: 10 * time.Millisecond}}
	w := s.waits(Ask{Campaign: "c", Want: 1, Since: now})
	s.serve(l, now)
	if len(w.got) != 1 {
		t.Fatal("it got no slot")
	}
	if g := <-w.got; g.Late(0) || g.due(0).After(now.Add(20*time.Millisecond)) {
		t.Errorf("it goes %s from now", g.due(0).Sub(now))
	}
	s.hunger(l, now)
	if n, _ := l.inHand(); n != 28 || !s.freshAt.IsZero() {
		t.Errorf("%d slots are left; asked at %s", n, s.freshAt)
	}
}

// Slots of a campaign that asks no more, or wants fewer, are given back to the day.
func TestSlotsThatNobodyTakes(t *testing.T) {
	t.Parallel()
	s := lonely(Limits{MessagesPerSecond: 1000, RequestsPerSecond: 10, MessagesPerDay: 1000})
	s.answer.head.settings = settingsOf(s.lim)
	now := time.Now()
	past := now.Add(-time.Second)
	s.lane("paced").slots = []span{{n: 100, start: past, step: time.Millisecond, bucket: 7}}
	s.lane("whole").slots = []span{{n: 100, start: past, whole: true, bucket: 7}}
	s.lane("less").slots = []span{{n: 100, start: now.Add(time.Hour), whole: true, bucket: 7}}
	s.waits(Ask{Campaign: "less", Want: 99, Whole: true})
	for _, l := range s.lanes {
		s.serve(l, now)
		if len(l.slots) > 0 {
			t.Errorf("%s keeps slots", l.id)
		}
	}
	if s.refunds[7] != 201 {
		t.Errorf("%d are given back", s.refunds[7])
	}
}

// What a submission leaves of a slot for many messages another may have, where the
// provider does not count requests.
func TestRestOfAWholeSlot(t *testing.T) {
	t.Parallel()
	s := lonely(Limits{MessagesPerSecond: 1000})
	now := time.Now()
	s.lane("c").slots = []span{{n: 100, start: now.Add(time.Second), whole: true}}
	first := s.waits(Ask{Campaign: "c", Want: 60, Whole: true, Since: now})
	second := s.waits(Ask{Campaign: "c", Want: 60, Whole: true, Since: now.Add(time.Second)})
	s.serve(s.lane("c"), now)
	a, b := <-first.got, <-second.got
	if a.N != 60 || b.N != 40 || !a.due(59).Equal(b.due(0)) {
		t.Errorf("%d at %s, %d at %s", a.N, a.due(0), b.N, b.due(0))
	}
}

// A campaign that nobody knows of yet is asked for at once, whatever the others
// were told to wait for.
func TestNewcomerIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	s := lonely(Limits{MessagesPerSecond: 1000})
	now := time.Now()
	s.askedAt, s.askAfter, s.settled = now.Add(-time.Second/2), now.Add(time.Minute), true
	for _, tt := range []struct {
		id    string
		asked int
		soon  bool
	}{{"old", 1, false}, {"newcomer", 0, true}} {
		s.waits(Ask{Campaign: tt.id, Want: 1, Since: now})
		s.lane(tt.id).asked = tt.asked
		s.hunger(s.lane(tt.id), now)
		if soon := !s.nextAsk().After(now); soon != tt.soon {
			t.Errorf("with %s: asked in %v", tt.id, s.nextAsk().Sub(now))
		}
	}
}

// Once the day is full nothing is asked for a batch that has yet to learn it.
func TestDayFullEndsAsking(t *testing.T) {
	t.Parallel()
	s := lonely(Limits{MessagesPerSecond: 1000, MessagesPerDay: 1000})
	now := time.Now()
	s.lane("c").returning[now] = comeback{Ask{Campaign: "c", Want: 10, Since: now}, now.Add(time.Minute)}
	w := s.waits(Ask{Campaign: "c", Want: 10, Since: now.Add(time.Second)})
	a := &answer{now: began, head: head{settings: settingsOf(s.lim), throttling: throttling{Factor: 1}, DayUntil: began + 60*second}}
	s.learn(a, now)
	s.schedule(false)
	if r := s.report(s.turn()); len(r.demands) != 0 || !s.freshAt.IsZero() || !s.askAfter.IsZero() {
		t.Errorf("%d questions", len(r.demands))
	}
	if g := <-w.got; g != nil || w.err == nil {
		t.Errorf("whoever waited got %v, %v", g, w.err)
	}
}
