package receipt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// What a compact record says is what was put into it.
func TestCompactRecord(t *testing.T) {
	t.Parallel()
	c := newCodec()
	rapid.Check(t, func(t *rapid.T) {
		all := make([]standing, rapid.IntRange(1, 20).Draw(t, "recipients"))
		want := newFold(len(all))
		for i := range all {
			for range rapid.IntRange(0, 4).Draw(t, "receipts") {
				e := anEntry(t)
				e.index, e.key = i, acceptedKey
				if rapid.Bool().Draw(t, "at any time") {
					e.at = rapid.Uint32Range(0, sender.LastSecond).Draw(t, "time")
				}
				s := e.standing()
				all[i].join(&s)
				want.add(e)
			}
		}
		record, ok := c.compact(all, "")
		if !ok || compactLength(string(record)) != len(record) {
			t.Fatalf("%v: %d of %d bytes", ok, compactLength(string(record)), len(record))
		}
		got := newFold(len(all))
		if err := c.entries(string(record), len(all), func(e entry) { got.add(e) }); err != nil {
			t.Fatal(err)
		}
		for i := range all {
			w, _ := want.of(i, []key{1})
			g, early := got.of(i, []key{1})
			if diff := cmp.Diff(w, g, cmp.AllowUnexported(standing{})); diff != "" || early != 0 {
				t.Fatalf("recipient %d (-want +got):\n%s", i, diff)
			}
			if _, early := got.of(i, nil); early != min(1, int(w.status)) {
				t.Fatalf("recipient %d, of whom no acceptance is known: %d early", i, early)
			}
		}
		// Damage is seen, wherever it is but in the name of what was before.
		record[rapid.IntRange(16, len(record)-1).Draw(t, "damaged")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		if err := c.entries(string(record), len(all), func(entry) {}); err == nil {
			t.Fatal("damage is not seen")
		}
	})
}

func FuzzColumns(f *testing.F) {
	var s standing
	e := entry{status: sender.Undelivered, at: 1_790_000_000, code: "meta_131026"}
	one := e.standing()
	s.join(&one)
	payload, _ := appendColumns(nil, []standing{s, {}, s})
	f.Add(payload)
	f.Fuzz(func(t *testing.T, payload []byte) {
		var all []entry
		err := readColumns(payload, size, func(e entry) { all = append(all, e) })
		for _, e := range all {
			if e.index >= size || e.status < sender.Sent || e.status > sender.Read || len(e.code) > maxCode {
				t.Errorf("%+v, %v", e, err)
			}
		}
	})
}

// Receipts in any order, repeated, before their answers and at two receivers, while
// logs are made compact again and again by either: what is said is what the receipts
// say, at each step.
func TestCompactInAnyOrder(t *testing.T) {
	t.Parallel()
	const people = 40
	h := newHouse(t)
	h.campaign("c", 1, people)
	c := h.claim("c", 0)
	rnd := rand.New(rand.NewPCG(3, 3))
	best := map[int]sender.Status{}
	var all []sender.Receipt
	of := map[string]int{}
	var indexes []int
	for i := range people {
		indexes = append(indexes, i)
		for _, s := range []sender.Status{sender.Sent, sender.Undelivered, sender.Delivered, sender.Read} {
			if rnd.IntN(3) > 0 {
				r := rec(number(0, i), fmt.Sprint("m", i), s, rnd.IntN(5000))
				of[r.MessageID] = i
				all = append(all, r, r)
			}
		}
	}
	h.begin(c, indexes...)
	rnd.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	appliers := []*Applier{h.applier(), h.applier()}
	accepted := map[int]bool{}
	shrunk := 0
	for k, r := range all {
		a := appliers[rnd.IntN(2)]
		if i := of[r.MessageID]; !accepted[i] && rnd.IntN(2) == 0 {
			accepted[i] = true
			h.accept(c, i, r.MessageID)
		}
		h.apply(a, r)
		if i := of[r.MessageID]; r.Status > best[i] {
			best[i] = r.Status
		}
		if rnd.IntN(4) > 0 {
			continue
		}
		before := h.rdb.StrLen(t.Context(), keys.Receipts("c", 0)).Val()
		if err := a.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.shrink(t.Context(), []place{{"c", 0}}); err != nil {
			t.Fatal(err)
		}
		if h.rdb.StrLen(t.Context(), keys.Receipts("c", 0)).Val() < before {
			shrunk++
		}
		want := Funnel{Codes: map[string]int{}}
		for i, s := range best {
			if accepted[i] {
				want.add(&standing{status: s, code: "meta_131026"}, 0)
			} else {
				want.Early++
			}
		}
		got := h.look("c")
		got.Last = 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("after %d receipts (-want +got):\n%s", k, diff)
		}
	}
	if h.counted["damaged"] != 0 {
		t.Error(h.counted)
	}
	if shrunk < 10 {
		t.Errorf("the log became shorter %d times", shrunk)
	}
	if err := Verify(t.Context(), h.rdb, time.Now, "c", func(p Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
	log := h.rdb.Get(t.Context(), keys.Receipts("c", 0)).Val()
	h.apply(h.applier(), all...)
	if again := h.rdb.Get(t.Context(), keys.Receipts("c", 0)).Val(); again != log {
		t.Error("what was known is recorded again")
	}
}

// What another receiver has made compact is no loss, and what is lost is seen however
// the log looks.
func TestCompactIsNoLoss(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.accepted("c")
	a, b := h.applier(), h.applier()
	h.apply(a, rec(number(0, 0), "m0", sender.Sent, 1), rec(number(0, 0), "m0", sender.Read, 9))
	h.apply(b, rec(number(0, 0), "m0", sender.Delivered, 5))
	if err := b.book.forceCompact(t, h); err != nil {
		t.Fatal(err)
	}
	if kept, err := a.book.kept(t.Context(), a.book.written); !kept || err != nil {
		t.Errorf("%v %v", kept, err)
	}
	other := h.applier()
	h.rdb.Del(t.Context(), keys.Receipts("c", 0), keys.Funnel("c"))
	h.apply(other, rec(number(0, 0), "m0", sender.Sent, 1))
	if kept, err := a.book.kept(t.Context(), a.book.written); kept || err != nil {
		t.Errorf("a loss: %v %v", kept, err)
	}
}

// forceCompact makes the log of batch 0 of c compact, though it is none the shorter.
func (b *book) forceCompact(t *testing.T, h *house) error {
	t.Helper()
	p, err := b.open(t.Context(), "c", 0)
	if err != nil {
		return err
	}
	if err := b.refresh(t.Context(), []*page{p}); err != nil {
		return err
	}
	all := make([]standing, len(p.Phones))
	all[0], _ = p.log.of(0, p.ids(0))
	log, _ := b.codec.compact(all, "")
	f := p.funnel()
	h.rdb.Set(t.Context(), keys.Receipts("c", 0), log, 0)
	return h.rdb.HSet(t.Context(), keys.Funnel("c"), "0", f.text(len(log), p.Outcome())).Err()
}

// A log is made compact once nothing has come for a while, and stays so.
func TestQuietIsMadeCompact(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const people = 300
	h.campaign("c", 1, people)
	c := h.claim("c", 0)
	a := h.applier()
	var now time.Time
	a.o.Now = func() time.Time { return now }
	for i := range people {
		h.begin(c, i)
		h.accept(c, i, strconv.Itoa(i))
		h.apply(a, rec(number(0, i), strconv.Itoa(i), sender.Sent, i))
	}
	h.rdb.Expire(t.Context(), keys.Batches("c"), time.Hour)
	for i := range 20 {
		h.apply(a, rec(number(0, i), strconv.Itoa(i), sender.Delivered, people))
	}
	for _, tt := range []struct {
		after time.Duration
		short bool
	}{{0, false}, {50 * time.Minute, false}, {70 * time.Minute, true}, {90 * time.Minute, true}} {
		now = noon.Add(people*time.Second + tt.after)
		if err := a.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		log := h.rdb.Get(t.Context(), keys.Receipts("c", 0)).Val()
		if short := compactLength(log) == len(log); short != tt.short {
			t.Errorf("after %s: %d bytes, of which %d are compact", tt.after, len(log), compactLength(log))
		}
	}
	if ttl := h.rdb.TTL(t.Context(), keys.Receipts("c", 0)).Val(); ttl <= 0 {
		t.Errorf("what is compact stays for %s", ttl)
	}
	if f := h.look("c"); f.Sent != people-20 || f.Delivered != 20 {
		t.Errorf("%+v", f)
	}
}

// memory is what keys of a pattern cost in Redis, together, and the largest of them.
func (h *house) memory(pattern string) (sum, most float64) {
	h.t.Helper()
	names := h.rdb.Keys(h.t.Context(), pattern).Val()
	cmds := make([]*redis.IntCmd, len(names))
	_, err := h.rdb.Pipelined(h.t.Context(), func(p redis.Pipeliner) error {
		for i, name := range names {
			cmds[i] = p.MemoryUsage(h.t.Context(), name, 0)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range cmds {
		sum, most = sum+float64(c.Val()), max(most, float64(c.Val()))
	}
	return sum, most
}

// daysReceipts are those of recipients who were submitted to at 80 a second, in the
// order of time, with where they belong.
func (h *house) daysReceipts(rnd *rand.Rand, batches, people int) (all []*arrival) {
	h.t.Helper()
	for n := range batches {
		c := h.claim("c", n)
		var indexes []int
		var settled []ledger.Settlement
		for i := range people {
			id := fmt.Sprintf("%d-%d", n, i)
			indexes = append(indexes, i)
			settled = append(settled, ledger.Settlement{Index: i, Outcome: sender.Accepted, MessageID: id, Time: noon})
			sent := (n*people+i)/80 + 1 + rnd.IntN(3)
			delivered := sent + int(8*rnd.ExpFloat64())
			add := func(s sender.Status, after int) {
				all = append(all, &arrival{Receipt: rec("", id, s, after), from: "promo", ref: sender.Located{Batch: n, Index: i}})
			}
			add(sender.Sent, sent)
			if rnd.IntN(20) == 0 {
				add(sender.Undelivered, delivered)
				continue
			}
			add(sender.Delivered, delivered)
			if rnd.IntN(10) < 6 { // after some minutes, a few after hours
				add(sender.Read, delivered+int(math.Exp(6+1.5*rnd.NormFloat64())))
			}
		}
		h.begin(c, indexes...)
		if _, err := c.Settle(h.t.Context(), settled); err != nil {
			h.t.Fatal(err)
		}
	}
	slices.SortStableFunc(all, func(a, b *arrival) int { return a.Time.Compare(b.Time) })
	return all
}

// TestReceiptMemory holds receipts to their budget in Redis, with all that keys cost
// beside their bytes: of each recipient that has any, and of every batch by itself, as
// they come in the order of time and in any order at all.
func TestReceiptMemory(t *testing.T) {
	t.Parallel()
	const people = 1000
	for _, tt := range []struct {
		name    string
		batches int
		order   func(rnd *rand.Rand, all []*arrival)
	}{
		{"in the order of time", 200, func(*rand.Rand, []*arrival) {}},
		{"in any order", 20, func(rnd *rand.Rand, all []*arrival) {
			rnd.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.campaign("c", tt.batches, people)
			rnd := rand.New(rand.NewPCG(4, 4))
			all := h.daysReceipts(rnd, tt.batches, people)
			tt.order(rnd, all)
			a := h.applier()
			var hot, batch float64
			for k, some := range slices.Collect(slices.Chunk(all, 1000)) {
				wanted := map[place][]*arrival{}
				for _, r := range some {
					at := place{"c", r.ref.Batch}
					wanted[at] = append(wanted[at], r)
				}
				err := a.settle(t.Context(), wanted, func(_ *page, r *arrival) (int, key) { return r.ref.Index, keyOf(r.MessageID) })
				if err != nil {
					t.Fatal(err)
				}
				if k%10 > 0 {
					continue
				}
				logs, most := h.memory("sluice:{c}:receipts:*")
				counts, _ := h.memory(keys.Funnel("c"))
				reached := max(1, len(h.rdb.Keys(t.Context(), "sluice:{c}:receipts:*").Val()))
				hot, batch = max(hot, (logs+counts)/float64(people*reached)), max(batch, most/people)
			}
			f := h.look("c")
			if f.Sum() != tt.batches*people {
				t.Fatalf("%+v", f)
			}
			if _, err := a.index.Build(t.Context(), "c"); err != nil {
				t.Fatal(err)
			}
			if err := a.Sweep(t.Context()); err != nil { // by the clock all this was long ago
				t.Fatal(err)
			}
			logs, _ := h.memory("sluice:{c}:receipts:*")
			counts, _ := h.memory(keys.Funnel("c"))
			index, _ := h.memory("sluice:{c}:phones*")
			recipients := float64(tt.batches * people)
			after := (logs + counts) / recipients
			t.Logf("%d receipts: %.1f bytes a recipient at most, %.1f in one batch, %.2f after; the index %.2f", len(all), hot, batch, after, index/recipients)
			if hot > 30 || batch > 30 || after > 4 || index/recipients > 5 {
				t.Error("the budget is 30 while they come, 4 after, and 5 for the index")
			}
			if again := h.look("c"); !cmp.Equal(f, again) {
				t.Errorf("%+v, and before %+v", again, f)
			}
		})
	}
}

// A log that another receiver has replaced by one of the same length, between reading
// and writing, is read again before anything is added to it.
func TestReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 4)
	c := h.claim("c", 0)
	h.begin(c, 0, 1)
	h.accept(c, 0, "m0")
	h.accept(c, 1, "m1")
	a := h.applier()
	h.apply(a, rec(number(0, 0), "m0", sender.Sent, 1))
	p, err := a.book.open(t.Context(), "c", 0)
	if err != nil {
		t.Fatal(err)
	}
	at := uint32(noon.Unix() + 1)
	other := appendEntries(nil, []entry{{index: 1, key: keyOf("m1"), status: sender.Sent, at: at}})
	if len(other) != p.logBytes {
		t.Fatalf("%d bytes in the place of %d", len(other), p.logBytes)
	}
	h.rdb.Set(t.Context(), keys.Receipts("c", 0), other, 0)
	if err := a.book.apply(t.Context(), p, []entry{{index: 0, key: keyOf("m0"), status: sender.Read, at: at}}); err != nil {
		t.Fatal(err)
	}
	if f := h.look("c"); f.Sent != 1 || f.Read != 1 {
		t.Errorf("%+v", f)
	}
	if err := Verify(t.Context(), h.rdb, time.Now, "c", func(p Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}
