package dispatch

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func seatIn(r *room, campaign string, weight int, since time.Time) *seat {
	return r.enter(campaign, weight, since, func() {}, func() {})
}

// may is what a seat may begin now.
func may(s *seat) int {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.may(s)
}

// Whatever is begun, goes out, ends and is recorded: no more than the places and a
// quarter are on record without an outcome, and of those no more than a quarter of
// the places have not gone out.
func TestRoomBoundsWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 70).Draw(t, "places")
		r := newRoom(func() int { return places })
		now := time.Now()
		seats := []*seat{seatIn(r, "a", 1, now), seatIn(r, "a", 1, now.Add(1)), seatIn(r, "b", 3, now)}
		type part struct{ ahead, flying, ended int }
		parts := map[*seat]*part{}
		for _, s := range seats {
			parts[s] = &part{}
		}
		some := func(t *rapid.T, most int) int {
			if most == 0 {
				t.Skip("nothing of it")
			}
			return rapid.IntRange(1, most).Draw(t, "n")
		}
		draw := func(t *rapid.T) (*seat, *part) {
			s := rapid.SampledFrom(seats).Draw(t, "seat")
			return s, parts[s]
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				held, ahead := 0, 0
				for _, p := range parts {
					held += p.ahead + p.flying + p.ended
					ahead += p.ahead
				}
				if held > places+places/4 || ahead > max(1, places/4) || r.begun != held || r.ahead != ahead {
					t.Fatalf("%d begun and %d ahead at %d places; the room says %d and %d", held, ahead, places, r.begun, r.ahead)
				}
			},
			"turn": func(t *rapid.T) {
				s, p := draw(t)
				n := some(t, may(s))
				s.expect(1000)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				got := 0
				if may(s) > 0 {
					var err error
					if got, err = s.take(ctx, n); err != nil {
						t.Skip("more come first")
					}
				}
				s.recorded(p.ended) // with the same script
				p.ended = 0
				p.ahead += got
				s.expect(0)
			},
			"out": func(t *rapid.T) {
				s, p := draw(t)
				n := some(t, min(p.ahead, places-sum(parts, func(p *part) int { return p.flying })))
				s.out(n)
				p.ahead, p.flying = p.ahead-n, p.flying+n
			},
			"end": func(t *rapid.T) {
				s, p := draw(t)
				n := some(t, p.flying)
				s.end(n)
				p.flying, p.ended = p.flying-n, p.ended+n
			},
			"record": func(t *rapid.T) {
				s, p := draw(t)
				s.recorded(p.ended)
				p.ended = 0
			},
		})
	})
}

func sum[K comparable, V any](parts map[K]V, of func(V) int) int {
	n := 0
	for _, p := range parts {
		n += of(p)
	}
	return n
}

// Of a campaign's batches the oldest begins alone until it has nobody left; the next
// has the room then, and the campaign is told that another is wanted.
func TestRoomIsTheOldestBatchs(t *testing.T) {
	t.Parallel()
	r := newRoom(func() int { return 8 })
	dry, now := 0, time.Now()
	old := r.enter("c", 1, now, func() {}, func() { dry++ })
	young := r.enter("c", 1, now.Add(time.Second), func() {}, func() { dry++ })
	third := r.enter("c", 1, now.Add(2*time.Second), func() {}, func() { dry++ })
	for _, s := range []*seat{old, young, third} {
		s.expect(2)
	}
	if may(young) != 0 || may(old) == 0 {
		t.Errorf("%d to the oldest, %d to the next", may(old), may(young))
	}
	old.expect(0)
	if may(young) == 0 || may(third) != 0 || dry != 0 {
		t.Errorf("%d to the next, %d to the third; wanting was told %d times", may(young), may(third), dry)
	}
	young.leave()
	third.expect(0)
	if dry != 1 {
		t.Errorf("wanting was told %d times", dry)
	}
}

// Campaigns that wait for room have it by their weight.
func TestRoomIsShared(t *testing.T) {
	t.Parallel()
	r := newRoom(func() int { return 64 })
	light, heavy := seatIn(r, "light", 1, time.Now()), seatIn(r, "heavy", 3, time.Now())
	light.expect(1000)
	for r.begun < 80 {
		n, err := light.take(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		light.out(n)
	}
	heavy.expect(1000)
	done := make(chan int)
	go func() {
		n, err := heavy.take(t.Context(), 1000)
		if err != nil {
			n = -1
		}
		done <- n
	}()
	for {
		r.mu.Lock()
		waits := heavy.want > 0
		r.mu.Unlock()
		if waits {
			break
		}
		<-time.After(time.Millisecond)
	}
	light.end(40) // which it may not have all for itself
	if n := may(light); n != 0 {
		t.Errorf("%d to the light one, which has 40 of 80 of its quarter", n)
	}
	light.recorded(40)
	if n := <-done; n <= 0 || n > 16 {
		t.Errorf("%d to the heavy one", n)
	}
}
