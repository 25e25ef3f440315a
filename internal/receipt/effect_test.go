package receipt

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/sender"
	"sluice/internal/spool"
)

// eventful is plain, with a callback's events beside its receipts.
type eventful struct{ plain }

func (eventful) ReadCallback(body []byte) (c sender.Callback, err error) {
	return c, json.Unmarshal(body, &c)
}

// file gives a campaign that has rows its file, with a template and a state.
func (h *house) file(id, template string, state campaign.State, moved time.Time) {
	h.t.Helper()
	text := fmt.Sprintf("id: %s\nsender: promo\nmessage:\n  type: template\n  template: {name: %s, language: en}\nrecipients: {file: x.csv}\n", id, template)
	h.rdb.HSet(h.t.Context(), keys.Campaign(id), "state", string(state), "file", text, "moved_at", moved.UnixMilli())
}

func (h *house) state(id string) string {
	h.t.Helper()
	return h.rdb.HGet(h.t.Context(), keys.Campaign(id), "state").Val()
}

// Late codes and events act on whom they concern, once, and not on what somebody has
// seen to since.
func TestEffects(t *testing.T) {
	t.Parallel()
	code := func(code string) sender.Callback {
		r := rec(number(0, 0), "m0", sender.Undelivered, 0)
		r.Code = code
		return sender.Callback{Receipts: []sender.Receipt{r}}
	}
	late, delivered := code("meta_130429"), code("meta_131050")
	late.Receipts[0].Time = noon.Add(-2 * slowFor)
	delivered.Receipts[0].Status = sender.Delivered
	event := func(e sender.Event) sender.Callback { return sender.Callback{Events: []sender.Event{e}} }
	paused, _ := sender.TemplateEvent("news", "en", "paused", "", noon)
	approved, _ := sender.TemplateEvent("news", "en", "APPROVED", "", noon)
	if approved.Kind != sender.TemplateGoes {
		t.Errorf("%+v", approved)
	}
	tier, _ := sender.DayLimitEvent("TIER_2K", noon)
	for name, tt := range map[string]struct {
		c    sender.Callback
		want []string // done, and states that are no longer what they were
	}{
		"nothing but undelivered":  {code("meta_131026"), nil},
		"no code of Meta's":        {code("smecl"), nil},
		"opted out":                {code("meta_131050"), []string{"out 5511980000000"}},
		"too fast":                 {code("meta_130429"), []string{"slow"}},
		"too fast, long ago":       {late, nil},
		"opted out, and delivered": {delivered, nil},
		"the account":              {code("meta_131042"), []string{"halted other", "halted sends", "paused later"}},
		"the template":             {code("meta_132015"), []string{"halted sends", "paused later"}},
		"template paused":          {event(paused), []string{"halted sends", "paused later"}},
		"another template":         {event(sender.Event{Kind: sender.TemplateStops, Template: "old", Language: "en"}), nil},
		"another language":         {event(sender.Event{Kind: sender.TemplateStops, Template: "news", Language: "pt_BR"}), nil},
		"account disabled":         {event(sender.AccountEvent("DISABLED_UPDATE", "DISABLE", noon)), []string{"halted other", "halted sends", "paused later"}},
		"account reinstated":       {event(sender.AccountEvent("DISABLED_UPDATE", "REINSTATE", noon)), nil},
		"a warning":                {event(sender.WarningOf("NUMBER_QUALITY", "RED", noon)), nil},
		"template approved":        {event(approved), nil},
		"a tier":                   {event(tier), nil},
		"stop":                     {event(sender.Event{Kind: sender.OptOut, Phone: "5511980000007"}), []string{"out 5511980000007"}},
		"resume":                   {event(sender.Event{Kind: sender.OptIn, Phone: "5511980000007"}), []string{"in 5511980000007"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			ids := []string{"sends", "other", "later", "resumed", "over"}
			h.accepted("sends")
			for _, id := range ids[1:] {
				h.campaign(id, 1, 1)
			}
			h.file("sends", "news", campaign.Running, noon.Add(-time.Minute))
			h.file("other", "else", campaign.Running, noon.Add(-time.Minute))
			h.file("later", "news", campaign.Scheduled, noon.Add(-time.Minute))
			h.file("resumed", "news", campaign.Running, noon.Add(time.Minute))
			h.file("over", "news", campaign.Finished, noon.Add(-time.Minute))
			var did []string
			noted := 0
			a := h.applier()
			a.o.Now = func() time.Time { return noon.Add(time.Second) }
			a.o.Reader = func(string) (sender.CallbackReader, bool) { return eventful{}, true }
			a.o.Effects = Effects{
				OptedOut: func(_ context.Context, _, phone string, out bool) error {
					did = append(did, map[bool]string{true: "out ", false: "in "}[out]+phone)
					return nil
				},
				Slow: func(context.Context, string) error { did = append(did, "slow"); return nil },
				Note: func(context.Context, string, *sender.Event) error { noted++; return nil },
			}.withDefaults()
			body, err := json.Marshal(tt.c)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // a receipt that comes again does nothing
				if err := a.Apply(t.Context(), []spool.Record{{At: noon, Sender: "promo", Body: body}}); err != nil {
					t.Fatal(err)
				}
				if len(tt.c.Events) > 0 {
					break
				}
			}
			for _, id := range ids {
				was := map[string]string{"later": "scheduled", "over": "finished"}[id]
				if state := h.state(id); state != was && (was != "" || state != "running") {
					did = append(did, state+" "+id)
					if reason := h.rdb.HGet(t.Context(), keys.Campaign(id), "reason").Val(); reason == "" {
						t.Errorf("%s has no reason", id)
					}
				}
			}
			if noted != len(tt.c.Events) {
				t.Errorf("%d events noted", noted)
			}
			slices.Sort(did)
			if !slices.Equal(did, tt.want) {
				t.Errorf("%q, want %q", did, tt.want)
			}
		})
	}
}

// A campaign of whose last messages too many are undelivered halts; one of whom not
// enough is known, or whose sender sets no bound, goes on.
func TestHaltUndelivered(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		most        float64
		people, bad int
		state       string
	}{
		"no bound":     {0, 300, 300, "running"},
		"as many":      {0.3, 300, 90, "running"},
		"too many":     {0.3, 300, 100, "halted"},
		"of too few":   {0.3, shareFrom - 1, shareFrom - 1, "running"},
		"of just many": {0.3, shareFrom, shareFrom, "halted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.campaign("c", 1, tt.people)
			h.file("c", "news", campaign.Running, noon.Add(-time.Minute))
			c := h.claim("c", 0)
			a := h.applier()
			a.o.Halts = func(string) float64 { return tt.most }
			var all []sender.Receipt
			for i := range tt.people {
				h.begin(c, i)
				h.accept(c, i, fmt.Sprint(i))
				status := sender.Delivered
				if i*tt.bad/tt.people != (i+1)*tt.bad/tt.people { // evenly among them
					status = sender.Undelivered
				}
				all = append(all, rec(number(0, i), fmt.Sprint(i), sender.Sent, 0), rec(number(0, i), fmt.Sprint(i), status, 1))
			}
			h.apply(a, all...)
			h.apply(a, all...)
			if got := h.state("c"); got != tt.state {
				t.Errorf("it is %s", got)
			}
		})
	}
}

// What was on its way when a campaign halted says nothing of it once somebody has
// resumed it; what comes of the messages after that does.
func TestHaltUndeliveredBeginsAnew(t *testing.T) {
	t.Parallel()
	const people = 3 * shareFrom
	h := newHouse(t)
	h.campaign("c", 1, people)
	now := noon
	h.file("c", "news", campaign.Running, now.Add(-time.Minute))
	c := h.claim("c", 0)
	a := h.applier()
	a.o.Halts, a.o.Now = func(string) float64 { return 0.3 }, func() time.Time { return now }
	var all []sender.Receipt
	for i := range people {
		h.begin(c, i)
		h.accept(c, i, fmt.Sprint(i))
		all = append(all, rec(number(0, i), fmt.Sprint(i), sender.Undelivered, 1))
	}
	step := func(from, to int, want string) {
		t.Helper()
		now = now.Add(time.Second)
		if h.apply(a, all[from:to]...); h.state("c") != want {
			t.Errorf("%d to %d: it is %s, want %s", from, to, h.state("c"), want)
		}
	}
	step(0, shareFrom, "halted")
	step(shareFrom, 2*shareFrom-1, "halted") // what was on its way
	now = now.Add(time.Second)
	h.file("c", "news", campaign.Running, now)
	step(2*shareFrom-1, 2*shareFrom, "running")
	step(2*shareFrom, 3*shareFrom-1, "running")
	h.apply(a, all[:3*shareFrom-1]...) // nothing new in it
	step(3*shareFrom-1, people, "halted")
}

// The share is that of the last thousand.
func TestShareForgets(t *testing.T) {
	t.Parallel()
	var s share
	for range shareOf {
		s.add(true)
	}
	for range shareOf / 4 {
		s.add(false)
	}
	if s.n != shareOf || s.undelivered != shareOf*3/4 {
		t.Errorf("%d of %d", s.undelivered, s.n)
	}
}
