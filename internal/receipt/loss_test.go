package receipt

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/locate"
	"sluice/internal/phone"
	"sluice/internal/sender"
	"sluice/internal/spool"
)

// accepted makes a campaign whose recipient 0 was accepted as m0.
func (h *house) accepted(id string) {
	h.t.Helper()
	h.campaign(id, 1, 4)
	h.acceptFirst(id, "m0")
}

func (h *house) acceptFirst(id, messageID string) {
	h.t.Helper()
	c := h.claim(id, 0)
	h.begin(c, 0)
	h.accept(c, 0, messageID)
}

// A campaign may be younger than the last look at which there are, by whatever
// little: its receipts are no strangers'.
func TestReceiptsOfACampaignThatHasJustBegun(t *testing.T) {
	t.Parallel()
	for _, reference := range []string{"", "/0/0/1"} {
		h := newHouse(t)
		a := h.applier()
		a.o.Now = func() time.Time { return noon } // no time passes at all
		of := func(id string) sender.Receipt {
			r := rec(number(0, 0), "m0", sender.Delivered, 1)
			if reference != "" {
				r.Reference = id + reference
			}
			return r
		}
		h.accepted("first")
		h.apply(a, of("first"))
		h.accepted("second")
		h.apply(a, of("second"))
		// As many campaigns as before, and not the same ones.
		if err := h.l.Delete(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		h.rdb.ZRem(t.Context(), keys.Campaigns(), "first")
		h.accepted("third")
		h.apply(a, of("third"))
		for _, id := range []string{"second", "third"} {
			if reference == "" && id == "third" {
				continue // by number both have it, under the same message_id
			}
			if f := h.look(id); f.Delivered != 1 {
				t.Errorf("reference %q, campaign %s: %+v", reference, id, f)
			}
		}
		if h.counted["foreign"] != 0 {
			t.Errorf("reference %q: %v", reference, h.counted)
		}
	}
}

// meanwhile is a hook that does something once, after the first pipeline.
type meanwhile struct {
	once sync.Once
	do   func()
}

func (m *meanwhile) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}
func (m *meanwhile) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (m *meanwhile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if s, ok := cmds[0].(*redis.StringCmd); ok && s.Name() == "get" {
			m.once.Do(m.do)
		}
		return err
	}
}

// The launch builds the index while a receipt is looked for in it.
func TestIndexThatIsBuiltMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.accepted("c")
	hooked := redis.NewClient(&redis.Options{Addr: h.rdb.Options().Addr})
	defer hooked.Close()
	built := 0
	hooked.AddHook(&meanwhile{do: func() {
		var err error
		if built, err = locate.New(h.rdb, h.l, phone.IdentityOf).Build(t.Context(), "c"); err != nil {
			t.Error(err)
		}
	}})
	a := NewApplier(Options{Redis: hooked, Now: time.Now, Reader: func(string) (sender.CallbackReader, bool) { return plain{}, true }})
	h.apply(a, rec(number(0, 0), "m0", sender.Read, 1))
	if f := h.look("c"); built == 0 || f.Read != 1 {
		t.Errorf("%d pages built meanwhile; %+v", built, f)
	}
}

// While an import goes on, receipts of the sender's other campaigns come: no index
// is made of a part of the list.
func TestReceiptsAmongAnImport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.campaign("c", 1, 4)
	h.rdb.HSet(t.Context(), keys.Campaign("c"), "state", "importing")
	a := h.applier()
	h.apply(a, rec(number(1, 0), "m1", sender.Read, 1))
	if _, err := h.l.Stage(t.Context(), "c", 1, &batch.Batch{N: 1, Recipients: []batch.Recipient{{Row: 5, Phone: number(1, 0)}}}); err != nil {
		t.Fatal(err)
	}
	h.rdb.HSet(t.Context(), keys.Campaign("c"), "state", "running")
	c := h.claim("c", 1)
	h.begin(c, 0)
	h.accept(c, 0, "m1")
	h.apply(a, rec(number(1, 0), "m1", sender.Delivered, 1))
	if f := h.look("c"); f.Delivered != 1 {
		t.Errorf("%+v", f)
	}
}

// What a receiver that is gone left unsettled another finds by what is in Redis.
func TestUnsettledIsFoundAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, id := range []string{"early", "settled"} {
		h.campaign(id, 1, 4)
		c := h.claim(id, 0)
		h.begin(c, 0)
		if id == "settled" {
			h.accept(c, 0, id)
		}
		h.apply(h.applier(), sender.Receipt{MessageID: id, Phone: number(0, 0), Reference: id + "/0/0/1", Status: sender.Read, Time: noon})
		if id == "early" {
			h.accept(c, 0, id)
		}
	}
	h.rdb.Set(t.Context(), keys.Receipts("early", 7), "of a batch that is not there", 0)
	a := h.applier()
	if err := a.seed(t.Context()); err != nil || len(a.book.unsettled) != 1 || !a.book.unsettled[place{"early", 0}] {
		t.Errorf("%v %v", err, a.book.unsettled)
	}
	if err := a.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := h.look("early"); f.Read != 1 || f.Early != 0 {
		t.Errorf("%+v", f)
	}
	if len(a.book.unsettled) != 0 {
		t.Errorf("still unsettled: %v", a.book.unsettled)
	}
}

// Redis loses what it had acknowledged on the way to the mark: what was answered is
// applied all the same, and the mark is never beyond what Redis has kept for a while.
func TestRedisLosesReceipts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		lose []string
		turn int // of the loop, after which it is lost
		told bool
	}{
		{"nothing", nil, 0, false},
		{"before the mark looked at all", []string{keys.Receipts("c", 0), keys.Funnel("c")}, 0, true},
		{"between its looks", []string{keys.Receipts("c", 0), keys.Funnel("c")}, 1, true},
		{"the counts alone", []string{keys.Funnel("c")}, 1, false},
		{"the rows have expired", []string{keys.Receipts("c", 0), keys.Funnel("c"), keys.Batches("c"), keys.Recipients("c", 0)}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.accepted("c")
			s, err := spool.Open(t.TempDir(), spool.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			body, _ := json.Marshal([]sender.Receipt{rec(number(0, 0), "m0", sender.Delivered, 1)})
			if err := s.Append(&spool.Record{At: noon, Sender: "promo", Body: body}); err != nil {
				t.Fatal(err)
			}
			a, now, told := h.applier(), noon, false
			m := newMark(a.book, s, now)
			for turn := range 5 {
				if m.at != s.End() {
					m.at = a.applyNext(t.Context(), s, m.at, func(err error) { t.Error(err) })
				}
				if turn < 2 && s.Applied() == s.End() {
					t.Error("the mark did not wait")
				}
				if turn == tt.turn && tt.lose != nil {
					h.rdb.Del(t.Context(), tt.lose...)
				}
				now = now.Add(markEvery)
				if err := m.follow(t.Context(), now); errors.Is(err, errLost) {
					told = true
				} else if err != nil {
					t.Fatal(err)
				}
				if err := a.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if told != tt.told {
				t.Errorf("told of a loss: %v", told)
			}
			if f := h.look("c"); f.Delivered != 1 && tt.name != "the rows have expired" {
				t.Errorf("%+v", f)
			}
			if s.Applied() != s.End() {
				t.Errorf("the mark is at %v of %v", s.Applied(), s.End())
			}
		})
	}
}
