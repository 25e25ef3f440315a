package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// halted sees whether a campaign was halted because Redis was restored.
func (w *world) halted(id string, want bool, reason string) {
	w.t.Helper()
	rec, err := w.campaigns.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if is := rec.State == campaign.Halted && rec.Code == campaign.CodeRestored; is != want || !strings.Contains(rec.Reason, reason) {
		w.t.Errorf("%s is %s, %s %q; halted for that: want %t, %q", id, rec.State, rec.Code, rec.Reason, want, reason)
	}
}

// At the start a Redis is taken for restored whose last heartbeat is old, unless the
// workers stopped in order or it has been up for so long.
func TestLookAtTheStart(t *testing.T) {
	t.Parallel()
	const after = 5 * time.Minute
	for name, tt := range map[string]struct {
		beat, up      time.Duration // how old; 0: there is none
		rested, never bool
		halted        bool
	}{
		"old":                       {beat: 10 * time.Minute, halted: true},
		"just now":                  {beat: time.Minute},
		"stopped in order":          {beat: 10 * time.Minute, rested: true},
		"no worker yet":             {},
		"never to be told":          {beat: 10 * time.Minute, never: true},
		"Redis was up all the time": {beat: time.Second, up: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.launch("c", 3, "")
			w.launch("paused", 3, "")
			if _, err := w.campaigns.Pause(t.Context(), "paused"); err != nil {
				t.Fatal(err)
			}
			o := w.options("w")
			o.RestoredAfter = after
			if tt.never {
				o.RestoredAfter = 0
			}
			if tt.up > 0 {
				o.RestoredAfter = tt.up / 2
				w.await("up for long enough", time.Minute, func() bool {
					up, err := w.ledger.Up(t.Context())
					return err == nil && up >= 2*tt.up
				})
			}
			if tt.beat > 0 {
				w.rdb.ZAdd(t.Context(), keys.Workers(), redis.Z{Score: float64(time.Now().Add(-tt.beat).UnixMilli()), Member: "gone"})
			}
			if tt.rested {
				w.rdb.Set(t.Context(), keys.Rested(), 1, 0)
			}
			if err := New(o).lookAtTheStart(t.Context()); err != nil {
				t.Fatal(err)
			}
			reason := ""
			if tt.halted {
				reason = "Redis was restored, its state is 10m0s old"
			}
			w.halted("c", tt.halted, reason)
			w.halted("paused", false, "")
		})
	}
}

// A worker halts the campaign alone of which Redis has less than it has seen.
func TestGuardOfAJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"less", "whole"} {
		w.launch(id, 3, "")
		c, err := w.ledger.Claim(t.Context(), id, 0, "w", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Begin(t.Context(), []int{0}); err != nil {
			t.Fatal(err)
		}
	}
	worker := New(w.options("w"))
	look := func() {
		t.Helper()
		if err := worker.lookBack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.rdb.Del(t.Context(), keys.Journal("less", 0))
	look()
	w.halted("less", true, "older than what this worker has seen")
	w.halted("whole", false, "")
	if _, err := w.campaigns.Resume(t.Context(), "less"); err != nil {
		t.Fatal(err)
	}
	look() // whoever resumed it was told
	w.halted("less", false, "")
	now := time.Now()
	worker.heartbeat.doubted.Store(&now) // and is, where all that was seen is asked for
	look()
	w.halted("less", false, "")
}

// A heartbeat that Redis has forgotten halts all campaigns that run, and says how old
// Redis' state is; one that it has, or that only expired, does not.
func TestGuardOfTheHeartbeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := time.UnixMilli(1_790_000_000_000)
	w.now = func() time.Time { return at.Add(time.Minute) }
	w.launch("c", 3, "")
	worker := New(w.options("w"))
	worker.heartbeat.lastBeat.Store(new(time.Time))
	look := func() {
		t.Helper()
		if err := worker.lookBack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	worker.beaten(ledger.Beat{At: at})
	worker.beaten(ledger.Beat{Was: at, At: at.Add(time.Second)})
	worker.beaten(ledger.Beat{At: at.Add(2 * time.Second)}) // an hour old, and gone
	look()
	w.halted("c", false, "")
	// One of which no answer came: Redis knows more than this worker.
	worker.beaten(ledger.Beat{Was: at.Add(2500 * time.Millisecond), At: at.Add(2 * time.Second)})
	look()
	w.halted("c", false, "")
	before := worker.heartbeat.Incarnation()
	worker.beaten(ledger.Beat{Was: at.Add(time.Second), At: at.Add(3 * time.Second)})
	if worker.heartbeat.Incarnation() == before {
		t.Error("what was begun before goes on")
	}
	look()
	w.halted("c", true, "Redis was restored, its state is 59s old: ")
	look()
	if worker.heartbeat.doubted.Load() == nil {
		t.Error("this worker goes on before the others had the time to look")
	}
	long := time.Now().Add(-doubtFor)
	worker.heartbeat.doubted.Store(&long)
	look()
	if worker.heartbeat.doubted.Load() != nil {
		t.Error("this worker does not go on")
	}
}

// A heartbeat that a network held back arrives behind later ones: Redis has forgotten
// nothing.
func TestGuardOfALateHeartbeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := time.UnixMilli(1_790_000_000_000)
	w.launch("c", 3, "")
	worker := New(w.options("w"))
	give := func(after time.Duration) {
		t.Helper()
		w.now = func() time.Time { return at.Add(after) }
		if err := worker.heartbeat.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	give(0)
	give(4 * time.Second)
	w.now = func() time.Time { return at.Add(time.Second) }
	if _, err := w.ledger.Beat(t.Context(), *worker.says.Load(), aliveFor); err != nil { // nobody hears the answer any more
		t.Fatal(err)
	}
	give(5 * time.Second)
	if worker.heartbeat.doubted.Load() != nil {
		t.Error("this worker begins nothing")
	}
	if err := worker.lookBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.halted("c", false, "")
}

// Another server than before is told of once, the first one not.
func TestServers(t *testing.T) {
	t.Parallel()
	var s Servers
	n := 0
	s.onChange(func() { n++ })
	for i, tt := range []struct {
		id   string
		want int
	}{{"a", 0}, {"a", 0}, {"b", 1}, {"b", 1}, {"c", 2}} {
		if s.met(tt.id); n != tt.want {
			t.Errorf("%d: told %d times, want %d", i, n, tt.want)
		}
	}
}
