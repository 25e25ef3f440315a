package receipt

import (
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// Counts that are lost or damaged are made anew, and told of; those that are behind
// are brought up without a word, and a log that cannot be read stays a problem.
func TestVerify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(h *house)
		want  []Problem
		sent  int
	}{
		"nothing":                    {func(*house) {}, nil, 1},
		"no receipts":                {func(h *house) { h.rdb.Del(h.t.Context(), keys.Receipts("c", 0), keys.Funnel("c")) }, nil, 0},
		"counts lost":                {func(h *house) { h.rdb.Del(h.t.Context(), keys.Funnel("c")) }, []Problem{{Text: "the counts of its receipts were missing or not what they say", Repaired: true}}, 1},
		"counts wrong":               {func(h *house) { h.rdb.HSet(h.t.Context(), keys.Funnel("c"), "0", "1 999 0 0 7 7 7 7 0") }, []Problem{{Text: "the counts of its receipts were missing or not what they say", Repaired: true}}, 1},
		"counts of a longer journal": {func(h *house) { h.rdb.HSet(h.t.Context(), keys.Funnel("c"), "0", "1 9 99999 0 7 7 7 7 0") }, []Problem{{Text: "the counts of its receipts were missing or not what they say", Repaired: true}}, 1},
		"no counts":                  {func(h *house) { h.rdb.HSet(h.t.Context(), keys.Funnel("c"), "0", "what is this") }, []Problem{{Text: "the counts of its receipts were missing or not what they say", Repaired: true}}, 1},
		"log lost":                   {func(h *house) { h.rdb.Del(h.t.Context(), keys.Receipts("c", 0)) }, []Problem{{Text: "the counts of its receipts were missing or not what they say", Repaired: true}}, 0},
		"damaged": {
			func(h *house) { h.rdb.Set(h.t.Context(), keys.Receipts("c", 0), "\x07", 0) },
			[]Problem{{Text: "its receipts cannot be read: batch 0 of c: the receipt log is damaged: version 7, which this program does not know"}},
			1,
		},
		"behind": {func(*house) {}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.accepted("c")
			h.campaign("none", 1, 1)
			early := rec(number(0, 1), "m1", sender.Sent, 1)
			early.Reference = "c/0/1/1"
			h.apply(h.applier(), rec(number(0, 0), "m0", sender.Sent, 1))
			if name == "behind" {
				c := h.claim("c", 0)
				h.begin(c, 1)
				h.apply(h.applier(), early)
				h.accept(c, 1, "m1")
			}
			tt.spoil(h)
			for range 2 {
				var got []Problem
				if err := Verify(t.Context(), h.rdb, time.Now, "c", func(p Problem) { got = append(got, p) }); err != nil {
					t.Fatal(err)
				}
				if len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
					t.Errorf("%+v, want %+v", got, tt.want)
				}
				if len(tt.want) > 0 && tt.want[0].Repaired {
					tt.want = nil
				}
			}
			if name != "damaged" {
				if f := h.look("c"); f.Sent != tt.sent {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}
