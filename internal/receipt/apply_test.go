package receipt

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
	"sluice/internal/sender"
	"sluice/internal/spool"
)

// plain is a provider whose callbacks are lists of sender.Receipt, and whose
// references are "campaign/batch/index/try".
type plain struct{}

func (plain) ReadCallback(body []byte) (c sender.Callback, err error) {
	return c, json.Unmarshal(body, &c.Receipts)
}
func (plain) Signed(http.Header, []byte, time.Time) (bool, bool) { return false, false }
func (plain) Tag(id string) string                               { return id }
func (plain) Locates(reference string) (l sender.Located, ok bool) {
	n, err := fmt.Sscanf(strings.ReplaceAll(reference, "/", " "), "%s %d %d %d", &l.Tag, &l.Batch, &l.Index, &l.Try)
	return l, n == 4 && err == nil
}

var noon = time.Unix(1_790_000_000, 0)

// A house is a ledger with campaigns, and appliers on it.
type house struct {
	t       *testing.T
	rdb     *redis.Client
	l       *ledger.Ledger
	counted map[string]int
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, rdb: redistest.New(t).Client(t), counted: map[string]int{}}
	h.l = ledger.New(h.rdb, func() time.Time { return noon })
	return h
}

func (h *house) applier() *Applier {
	return NewApplier(Options{
		Redis: h.rdb, Now: time.Now,
		Reader:  func(name string) (sender.CallbackReader, bool) { return plain{}, name == "promo" },
		Count:   func(_, what string, n int) { h.counted[what] += n },
		Damaged: func(error) { h.counted["damaged"]++ },
	})
}

func number(n, i int) string { return fmt.Sprintf("55119%08d", 80_000_000+1000*n+i) }

// campaign makes a running campaign with batches of size recipients.
func (h *house) campaign(id string, batches, size int) {
	h.t.Helper()
	h.rdb.HSet(h.t.Context(), keys.Campaign(id), "state", "importing", "import", 1, "sender", "promo")
	h.rdb.ZAdd(h.t.Context(), keys.Campaigns(), redis.Z{Score: float64(time.Now().UnixMilli()), Member: id})
	row := 0
	for n := range batches {
		b := &batch.Batch{N: n, Digest: [16]byte{1}}
		for i := range size {
			row++
			b.Recipients = append(b.Recipients, batch.Recipient{Row: row, Phone: number(n, i)})
		}
		if _, err := h.l.Stage(h.t.Context(), id, 1, b); err != nil {
			h.t.Fatal(err)
		}
	}
	h.rdb.HSet(h.t.Context(), keys.Campaign(id), "state", "running")
}

func (h *house) claim(id string, n int) *ledger.Claim {
	h.t.Helper()
	h.rdb.Set(h.t.Context(), keys.Worker("w"), 1, time.Hour)
	c, err := h.l.Claim(h.t.Context(), id, n, "w", false)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) begin(c *ledger.Claim, indexes ...int) {
	h.t.Helper()
	if err := c.Begin(h.t.Context(), indexes); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) accept(c *ledger.Claim, i int, messageID string) {
	h.t.Helper()
	if _, err := c.Settle(h.t.Context(), []ledger.Settlement{{Index: i, Outcome: sender.Accepted, MessageID: messageID, Time: noon}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) apply(a *Applier, rs ...sender.Receipt) {
	h.t.Helper()
	body, err := json.Marshal(rs)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := a.Apply(h.t.Context(), []spool.Record{{Sender: "promo", Body: body}}); err != nil {
		h.t.Fatal(err)
	}
}

// look checks P1b and returns the funnel.
func (h *house) look(id string) Funnel {
	h.t.Helper()
	f, err := Totals(h.t.Context(), h.rdb, id)
	if err != nil {
		h.t.Fatal(err)
	}
	totals, err := h.l.Totals(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	if f.Sum() > totals.Accepted {
		h.t.Fatalf("%d recipients have receipts and %d are accepted", f.Sum(), totals.Accepted)
	}
	return f
}

func rec(phone, id string, s sender.Status, after int) sender.Receipt {
	r := sender.Receipt{MessageID: id, Phone: phone, Status: s, Time: noon.Add(time.Duration(after) * time.Second)}
	if s == sender.Undelivered {
		r.Code = "meta_131026"
	}
	return r
}

func TestReceiptsByNumber(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("old", 1, 4)
	h.campaign("new", 2, 4)
	a := h.applier()
	c := h.claim("new", 0)
	h.begin(c, 0, 1, 2, 3)
	h.accept(c, 0, "m0")
	h.accept(c, 1, "m1")
	without := strings.Replace(number(0, 0), "55119", "5511", 1) // as WhatsApp spells some Brazilian numbers
	h.apply(a, rec(without, "m0", sender.Delivered, 5), rec(number(0, 0), "m0", sender.Sent, 1),
		rec(number(0, 1), "m1", sender.Undelivered, 3),
		rec(number(0, 2), "m2", sender.Read, 9),      // before its answer
		rec(number(0, 0), "strange", sender.Read, 1), // another system's message to the same person
		rec("4915112345678", "m0", sender.Read, 1),   // a stranger
		rec(number(1, 0), "forged", sender.Read, 1),  // nobody has submitted to this one
		rec("", "m0", sender.Read, 2))
	want := Funnel{Delivered: 1, Undelivered: 1, Early: 1, Codes: map[string]int{"meta_131026": 1}, Last: noon.Unix() + 5}
	if diff := cmp.Diff(want, h.look("new")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := h.look("old"); f.Sum()+f.Early != 0 {
		t.Errorf("the older campaign: %+v", f)
	}
	h.accept(c, 2, "m2")
	if err := a.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := h.look("new"); f.Read != 1 || f.Early != 0 {
		t.Errorf("after the answer: %+v", f)
	}
	if diff := cmp.Diff(map[string]int{"by_number": 3, "early": 1, "foreign": 3, "unlocated": 1, "invalid": 0, "other": 0}, h.counted); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The same again, by another process, changes nothing.
	log := h.rdb.Get(t.Context(), keys.Receipts("new", 0)).Val()
	h.apply(h.applier(), rec(number(0, 0), "m0", sender.Sent, 1), rec(number(0, 1), "m1", sender.Undelivered, 3))
	if h.rdb.Get(t.Context(), keys.Receipts("new", 0)).Val() != log {
		t.Error("what was known is recorded again")
	}
	r, err := NewReader(t.Context(), h.rdb, "new")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := h.l.Rows(t.Context(), "new", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Said{
		{Status: sender.Delivered, Sent: noon.Add(time.Second), Delivered: noon.Add(5 * time.Second)},
		{Status: sender.Undelivered, Code: "meta_131026"},
		{Status: sender.Read, Read: noon.Add(9 * time.Second)},
		{},
	} {
		got, err := r.Of(t.Context(), &rows[i])
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("row %d: %v %s", i, err, diff)
		}
	}
}

func TestReceiptsByReference(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 3)
	a := h.applier()
	c := h.claim("c", 0)
	h.begin(c, 0, 1)
	h.accept(c, 0, "m0")
	named := func(r sender.Receipt, reference string) sender.Receipt { r.Reference = reference; return r }
	h.apply(a, named(rec(number(0, 0), "other id", sender.Read, 1), "c/0/0/1"),
		named(rec("", "m0", sender.Sent, 1), "c/0/0/1"),
		named(rec(number(0, 1), "m1", sender.Sent, 1), "c/0/0/1"),
		named(rec(number(0, 2), "forged", sender.Read, 1), "c/0/0/1"), // nothing was submitted to this one
		named(rec(number(0, 0), "m0", sender.Undelivered, 1), "nowhere/0/0/1"),
		named(rec(number(0, 0), "m0", sender.Undelivered, 1), "c/99/0/1"))
	if f := h.look("c"); f.Read != 1 || f.Early != 1 || f.Sum() != 1 {
		t.Errorf("%+v", f)
	}
}

// Whatever the order in which submissions, answers and receipts come, repeated, by
// two receivers at once and with errors in between, the sum holds at every moment,
// no status gets lower, and the end is what a naive reading of all of it gives.
func TestEverythingInAnyOrder(t *testing.T) {
	t.Parallel()
	const batches, people = 3, 20
	h := newHouse(t)
	h.campaign("c", batches, people)
	for seed := range uint64(4) {
		id := fmt.Sprint("c", seed)
		h.campaign(id, batches, people)
		rnd := rand.New(rand.NewPCG(seed, 1))
		appliers := []*Applier{h.applier(), h.applier()}
		var claims []*ledger.Claim
		for n := range batches {
			claims = append(claims, h.claim(id, n))
		}
		best := map[int]sender.Status{}
		var steps []func()
		var later []sender.Receipt
		for p := range batches * people {
			n, i := p/people, p%people
			h.begin(claims[n], i)
			steps = append(steps, func() { h.accept(claims[n], i, fmt.Sprint(id, "-", p)) })
			for _, s := range sender.Statuses {
				if rnd.IntN(2) == 0 {
					best[p] = max(best[p], s)
					for range 1 + rnd.IntN(2) {
						later = append(later, rec(number(n, i), fmt.Sprint(id, "-", p), s, rnd.IntN(100)))
					}
				}
			}
		}
		rnd.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
		for some := range slices.Chunk(later, 5) {
			steps = append(steps, func() { h.apply(appliers[rnd.IntN(2)], some...) })
		}
		rnd.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		read := 0
		for k, step := range steps {
			step()
			f := h.look(id)
			if f.Read < read {
				t.Fatalf("read fell from %d to %d", read, f.Read)
			}
			read = f.Read
			if k%10 == 0 {
				if err := appliers[0].Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, a := range appliers {
			if err := a.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want := map[sender.Status]int{}
		for _, s := range best {
			want[s]++
		}
		f := h.look(id)
		if f.Sent != want[sender.Sent] || f.Undelivered != want[sender.Undelivered] || f.Delivered != want[sender.Delivered] || f.Read != want[sender.Read] || f.Early != 0 {
			t.Errorf("seed %d: %+v, want %v", seed, f, want)
		}
	}
}

// Receipts of what has expired leave nothing behind, and those of what is to expire
// go with it.
func TestReceiptsExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 2)
	c := h.claim("c", 0)
	h.begin(c, 0, 1)
	h.accept(c, 0, "m0")
	a := h.applier()
	h.apply(a, rec(number(0, 0), "m0", sender.Sent, 1))
	h.rdb.HSet(t.Context(), keys.Campaign("c"), "state", "finished")
	if err := h.l.Expire(t.Context(), "c", time.Hour); err != nil {
		t.Fatal(err)
	}
	h.rdb.Del(t.Context(), keys.Receipts("c", 0), keys.Funnel("c"))
	h.apply(a, rec(number(0, 0), "m0", sender.Read, 1))
	for _, key := range h.rdb.Keys(t.Context(), "sluice:{c}:*").Val() {
		if ttl := h.rdb.PTTL(t.Context(), key).Val(); ttl <= 0 {
			t.Errorf("%s stays", key)
		}
	}
	if f := h.look("c"); f.Read != 1 {
		t.Errorf("%+v", f)
	}
	if err := h.l.Delete(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	h.apply(a, rec(number(0, 0), "m0", sender.Delivered, 1))
	if left := h.rdb.Keys(t.Context(), "sluice:{c}:*").Val(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A damaged log is told of and holds up nobody else's receipts.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 2)
	c := h.claim("c", 0)
	h.begin(c, 0, 1)
	h.accept(c, 0, "m0")
	h.rdb.Set(t.Context(), keys.Receipts("c", 0), "\x07 damaged", 0)
	body, _ := json.Marshal([]sender.Receipt{rec(number(0, 0), "m0", sender.Sent, 1)})
	records := []spool.Record{{Sender: "promo", Body: []byte("{")}, {Sender: "nobody", Body: body}, {Sender: "promo", Body: body}}
	a := h.applier()
	if err := a.Apply(t.Context(), records); err != nil || h.counted["damaged"] != 1 {
		t.Error(err, h.counted)
	}
	h.rdb.Del(t.Context(), keys.Receipts("c", 0))
	if err := a.Apply(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if f := h.look("c"); f.Sent != 1 {
		t.Errorf("%+v", f)
	}
	if h.counted["unreadable"] != 4 {
		t.Errorf("%v", h.counted)
	}
}
