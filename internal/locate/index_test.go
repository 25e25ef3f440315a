package locate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
)

// A room is an index on a Redis of its own.
type room struct {
	*Index
	rdb *redis.Client
	l   *ledger.Ledger
}

// withoutNinth is an identity as Brazil has it, for the tests.
func withoutNinth(number uint64) uint64 {
	if number/1e11 == 55 && number/1e8%10 == 9 {
		return number/1e9*1e8 + number%1e8
	}
	return number
}

func newRoom(t testing.TB) *room {
	t.Helper()
	r := &room{rdb: redistest.New(t).Client(t)}
	r.l = ledger.New(r.rdb, time.Now)
	r.Index = New(r.rdb, r.l, withoutNinth)
	return r
}

// stage stages batches of these sizes, with random numbers, and returns them.
func (r *room) stage(t testing.TB, id string, rnd *rand.Rand, sizes ...int) [][]string {
	t.Helper()
	all := make([][]string, len(sizes))
	row := 0
	r.rdb.HSet(t.Context(), keys.Campaign(id), "state", "importing", "import", 1)
	defer r.rdb.Del(t.Context(), keys.Campaign(id))
	for n, size := range sizes {
		b := &batch.Batch{N: n, Digest: [16]byte{byte(n), byte(size)}}
		for range size {
			row++
			phone := fmt.Sprintf("55%02d9%08d", 11+rnd.IntN(80), rnd.IntN(100_000_000))
			all[n] = append(all[n], phone)
			b.Recipients = append(b.Recipients, batch.Recipient{Row: row, Phone: phone, Vars: []string{"x"}})
		}
		if _, err := r.l.Stage(t.Context(), id, 1, b); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (r *room) build(t testing.TB, id string) int {
	t.Helper()
	n, err := r.Build(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (r *room) one(t testing.TB, phone, id string) Candidates {
	t.Helper()
	found, err := r.Find(t.Context(), phone, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

func TestEveryRecipientIsFound(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	all := r.stage(t, "c", rand.New(rand.NewPCG(1, 1)), 1000, 0, 7, 1000, 1, 999, 500)
	r.atOnce = 2 // several readings
	if n := r.build(t, "c"); n != 5 {
		t.Errorf("%d pages and shape were written, and there are 4 and 1", n)
	}
	more := 0
	for n, phones := range all {
		for i, p := range phones {
			if i%2 == 1 {
				p = p[:4] + p[5:]
			}
			c := r.one(t, p, "c")
			if !c.Indexed || !slices.Contains(c.Batches, n) {
				t.Fatalf("recipient %d of batch %d: found in %+v", i, n, c)
			}
			more += len(c.Batches) - 1
		}
	}
	if more > 5 {
		t.Errorf("%d of 3507 recipients have a second candidate", more)
	}
	strangers := 0
	for i := range 3000 {
		strangers += len(r.one(t, fmt.Sprint(4915100000000+i), "c").Batches)
	}
	if strangers > 5 {
		t.Errorf("%d candidates for 3000 numbers that are nowhere", strangers)
	}
}

func TestBuildIsRepeatableAndRepairs(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	all := r.stage(t, "c", rand.New(rand.NewPCG(2, 1)), 1000, 1000, 1000)
	r.build(t, "c")
	if n := r.build(t, "c"); n != 0 {
		t.Errorf("the second build changed %d", n)
	}
	r.rdb.Del(t.Context(), keys.Phones("c", 0))
	r.rdb.SetRange(t.Context(), keys.Phones("c", 2), 100, "damaged!")
	if c := r.one(t, all[0][0], "c"); c.Indexed && !slices.Contains(c.Batches, 0) {
		t.Errorf("a missing page counts as one without this number: %+v", c)
	}
	if n := r.build(t, "c"); n != 2 {
		t.Errorf("%d pages repaired, and 2 were wrong", n)
	}
	for n, phones := range all {
		if c := r.one(t, phones[17], "c"); !slices.Contains(c.Batches, n) {
			t.Errorf("batch %d: %+v", n, c)
		}
	}
	r.rdb.Set(t.Context(), keys.Index("c"), "0 3 2 3000", 0)
	if r.one(t, all[0][0], "c").Indexed {
		t.Error("an index of another version counts")
	}
	if n := r.build(t, "c"); n != 1 {
		t.Errorf("%d changed, and the shape alone was wrong", n)
	}
}

func TestIndexGoesWithItsRows(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.stage(t, "early", rand.New(rand.NewPCG(3, 1)), 1000, 1000)
	r.stage(t, "late", rand.New(rand.NewPCG(3, 2)), 1000, 1000)
	r.build(t, "early")
	for _, id := range []string{"early", "late"} {
		r.rdb.HSet(t.Context(), keys.Campaign(id), "state", "finished")
		if err := r.l.Expire(t.Context(), id, time.Hour); err != nil {
			t.Fatal(err)
		}
		r.rdb.Del(t.Context(), keys.Campaign(id))
	}
	r.build(t, "late") // after its rows have begun to expire
	r.rdb.Del(t.Context(), keys.Phones("early", 1))
	r.build(t, "early")
	for _, key := range r.rdb.Keys(t.Context(), "sluice:*").Val() {
		if ttl := r.rdb.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("%s goes in %v", key, ttl)
		}
	}
	if err := r.l.Delete(t.Context(), "early"); err != nil {
		t.Fatal(err)
	}
	if n := r.build(t, "early"); n != 0 {
		t.Errorf("an index of %d pages was built of what is gone", n)
	}
	if left := r.rdb.Keys(t.Context(), "sluice:{early}*").Val(); len(left) > 0 {
		t.Errorf("left after all was deleted: %v", left)
	}
}

func TestIndexNeedsItsRecipients(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.stage(t, "c", rand.New(rand.NewPCG(4, 1)), 10, 10)
	r.rdb.Del(t.Context(), keys.Recipients("c", 1))
	if _, err := r.Build(t.Context(), "c"); err == nil {
		t.Error("an index was built though recipients are gone")
	}
	if r.one(t, "5511987654321", "c").Indexed {
		t.Error("half an index counts as one")
	}
}

// TestIndexMemory holds the index to its budget in Redis, its keys counted with
// what they cost beside their bytes.
func TestIndexMemory(t *testing.T) {
	t.Parallel()
	const batches = 200
	r := newRoom(t)
	sizes := make([]int, batches)
	for i := range sizes {
		sizes[i] = batch.MaxRecipients
	}
	r.stage(t, "spring-sale-br", rand.New(rand.NewPCG(5, 1)), sizes...)
	before := usedMemory(t, r.rdb)
	r.build(t, "spring-sale-br")
	used := usedMemory(t, r.rdb) - before
	keyed := int64(0)
	for _, key := range r.rdb.Keys(t.Context(), "sluice:*:phones*").Val() {
		keyed += r.rdb.MemoryUsage(t.Context(), key, 0).Val()
	}
	t.Logf("%.2f bytes a recipient by key, %.2f of the server's memory",
		float64(keyed)/(batches*batch.MaxRecipients), float64(used)/(batches*batch.MaxRecipients))
	if per := float64(keyed) / (batches * batch.MaxRecipients); per > 5 || per < 4 {
		t.Errorf("%.2f bytes a recipient, and 4 to 5 are allowed", per)
	}
}

func usedMemory(t testing.TB, rdb *redis.Client) int64 {
	t.Helper()
	var n int64
	if _, err := fmt.Sscan(rdb.InfoMap(t.Context(), "memory").Item("Memory", "used_memory"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The pages are a pure function of the recipients, and lose none of them, whatever
// the shape.
func TestPlacesProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := shape{pages: rapid.IntRange(1, 100_000).Draw(t, "pages"), batchBits: rapid.IntRange(0, 22).Draw(t, "bits")}
		back, ok := parseShape(s.text())
		if !ok || back != s {
			t.Fatalf("%q read as %+v", s.text(), back)
		}
		pages := map[int][]uint32{}
		type who struct {
			phone uint64
			batch int
		}
		people := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) who {
			return who{rapid.Uint64().Draw(t, "phone"), rapid.IntRange(0, 1<<s.batchBits-1).Draw(t, "batch")}
		}), 1, 200).Draw(t, "people")
		for _, w := range people {
			page, record := s.place(w.phone)
			if page < 0 || page >= s.pages {
				t.Fatalf("page %d of %d", page, s.pages)
			}
			pages[page] = append(pages[page], record|uint32(w.batch))
		}
		for _, w := range people {
			page, record := s.place(w.phone)
			if !slices.Contains(s.batches(string(appendPage(nil, pages[page])), record), w.batch) {
				t.Fatalf("%d of batch %d is not found", w.phone, w.batch)
			}
		}
	})
}

// A page is its records in their order, however they are spread over it.
func TestPageIsInOrderProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mask := rapid.SampledFrom([]uint32{^uint32(0), 0xff, 0xffc0_0003, 0}).Draw(t, "mask")
		records := rapid.SliceOfN(rapid.Uint32(), 0, 200).Draw(t, "records")
		var want []byte
		for i := range records {
			records[i] &= mask
		}
		for _, r := range slices.Sorted(slices.Values(records)) {
			want = binary.BigEndian.AppendUint32(want, r)
		}
		if page := appendPage(nil, records); !bytes.Equal(page, want) {
			t.Fatalf("%x, and in order it is %x", page, want)
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	r := newRoom(b)
	sizes := make([]int, 500)
	for i := range sizes {
		sizes[i] = batch.MaxRecipients
	}
	r.stage(b, "c", rand.New(rand.NewPCG(6, 1)), sizes...)
	for b.Loop() {
		r.rdb.Del(b.Context(), keys.Index("c"))
		for n := range sizes {
			r.rdb.Del(b.Context(), keys.Phones("c", n))
		}
		r.build(b, "c")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(sizes)*batch.MaxRecipients), "ns/recipient")
}
