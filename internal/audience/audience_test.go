package audience

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/locate"
	"sluice/internal/phone"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// base is when everything happens.
var base = time.UnixMilli(1_790_000_000_000)

// A hall is the campaigns that others ask, on a Redis of their own.
type hall struct {
	t    *testing.T
	rdb  *redis.Client
	time time.Time
	Options
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, rdb: redistest.New(t).Client(t), time: base}
	now := func() time.Time { return h.time }
	l := ledger.New(h.rdb, now)
	h.Options = Options{Ledger: l, Campaigns: campaign.NewStore(h.rdb, now), Index: locate.New(h.rdb, l, phone.IdentityOf), Now: now}
	return h
}

// people are so many numbers.
func people(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("5511%09d", 987_000_000+i)
	}
	return all
}

// create makes a campaign of which nothing is imported yet.
func (h *hall) create(id string) {
	h.t.Helper()
	text := fmt.Appendf(nil, "id: %s\nsender: promo\nmessage: {type: template, template: {name: order_update, language: en_US}}\nrecipients: {file: list.csv}\n", id)
	f, err := campaign.Parse(text, "campaign.yaml")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.Campaigns.Create(h.t.Context(), text, f); err != nil {
		h.t.Fatal(err)
	}
}

// running makes a campaign of these numbers whose import is over, in one batch.
func (h *hall) running(id string, phones []string) {
	h.t.Helper()
	h.create(id)
	generation, err := h.Campaigns.BeginImport(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	b := &batch.Batch{N: 1, Digest: [16]byte{1}}
	for i, number := range phones {
		b.Recipients = append(b.Recipients, batch.Recipient{Row: i + 1, Phone: number})
	}
	if _, err := h.Ledger.Stage(h.t.Context(), id, generation, b); err != nil {
		h.t.Fatal(err)
	}
	plan := campaign.Plan{Rows: len(phones), Recipients: len(phones), Batches: 1, Tasks: 1, Fingerprint: "f"}
	if err := h.Campaigns.Launch(h.t.Context(), id, generation, plan); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.Campaigns.Start(h.t.Context(), id); err != nil {
		h.t.Fatal(err)
	}
}

// settle has the first of a campaign end so, in turn; 0: they stay in flight.
func (h *hall) settle(id string, outcomes ...sender.Outcome) {
	h.t.Helper()
	claim, err := h.Ledger.Claim(h.t.Context(), id, 1, "worker", false)
	if err != nil {
		h.t.Fatal(err)
	}
	var begun []int
	var settled []ledger.Settlement
	for i, outcome := range outcomes {
		begun = append(begun, i)
		if outcome != 0 {
			settled = append(settled, ledger.Settlement{Index: i, Outcome: outcome, MessageID: "m", Code: "1", Time: h.time})
		}
	}
	if err := claim.Begin(h.t.Context(), begun); err != nil {
		h.t.Fatal(err)
	}
	if _, err := claim.Settle(h.t.Context(), settled); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) audience(r campaign.Recipients) *Audience {
	h.t.Helper()
	a, err := New(h.Options, r)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func only(id string, states ...string) campaign.Recipients {
	return campaign.Recipients{Only: &campaign.Only{Campaign: id, States: states}}
}

func except(within string, ids ...string) campaign.Recipients {
	return campaign.Recipients{Except: &campaign.Except{Campaigns: ids, Within: within}}
}

// got says of each who gets it, x, and who does not, - where they are not among those
// named and ! where they have heard lately.
func got(t *testing.T, reasons []string, err error) string {
	t.Helper()
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, reason := range reasons {
		switch reason {
		case "":
			b.WriteByte('x')
		case notAmong:
			b.WriteByte('-')
		case accepted:
			b.WriteByte('!')
		default:
			t.Errorf("barred, for %q", reason)
		}
	}
	return b.String()
}

func TestNoRules(t *testing.T) {
	t.Parallel()
	if a, err := New(Options{}, campaign.Recipients{}); a != nil || err != nil {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := New(Options{}, except("a week", "first")); err == nil {
		t.Error("a week is a time")
	}
}

// What each way to end says of its recipient, at the import and when they are asked
// about again: the two agree.
func TestWhoGetsIt(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	list := people(5) // accepted, rejected, in doubt, in flight, untouched
	h.running("first", list)
	h.settle("first", sender.Accepted, sender.Rejected, sender.Unknown, 0)
	asked := append(slices.Clone(list), "5521999999999")
	h.running("second", asked[4:])
	h.settle("second", sender.Accepted)
	day := 24 * time.Hour
	for _, tt := range []struct {
		rules campaign.Recipients
		later time.Duration
		want  string
	}{
		{only("first", "accepted"), 0, "x-----"},
		{only("first", "rejected"), 0, "-x----"},
		{only("first", "in_doubt"), 0, "--x---"},
		{only("first", "pending"), 0, "---xx-"},
		{only("first", "cancelled"), 0, "------"},
		{only("first", "rejected", "accepted"), 1000 * day, "xx----"},
		{except("", "first"), 1000 * day, "!xxxxx"},
		{except("7d", "first"), 7*day - time.Millisecond, "!xxxxx"},
		{except("7d", "first"), 7 * day, "xxxxxx"},
		{except("", "second", "first", "second"), 0, "!xxx!x"},
		{campaign.Recipients{Only: only("first", "accepted", "pending").Only, Except: except("", "second").Except}, 0, "x--x!-"},
	} {
		h.time = base.Add(tt.later)
		a := h.audience(tt.rules)
		if err := a.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		reasons, err := a.Bar(t.Context(), asked)
		if who := got(t, reasons, err); who != tt.want {
			t.Errorf("%+v %+v after %s: %s, not %s", tt.rules.Only, tt.rules.Except, tt.later, who, tt.want)
		}
		reasons, err = a.Again(t.Context(), asked)
		if who := got(t, reasons, err); who != tt.want {
			t.Errorf("%+v %+v after %s, asked again: %s, not %s", tt.rules.Only, tt.rules.Except, tt.later, who, tt.want)
		}
	}
}

// Whom a cancelled campaign had not reached ended cancelled, and who was in flight
// then in doubt, for nobody knows.
func TestOfACancelledCampaign(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	list := people(4)
	h.running("first", list)
	h.settle("first", sender.Accepted, 0)
	if _, err := h.Campaigns.Cancel(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]string{"accepted": "x---", "cancelled": "--xx", "in_doubt": "-x--", "pending": "----"} {
		a := h.audience(only("first", state))
		if err := a.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		reasons, err := a.Bar(t.Context(), list)
		if who := got(t, reasons, err); who != want {
			t.Errorf("%s: %s, not %s", state, who, want)
		}
	}
}

// The numbers of one person are one, however each list spells them.
func TestASpellingIsThePerson(t *testing.T) {
	t.Parallel()
	with, without := "5511987654321", "551187654321"
	if phone.Identity(with) != phone.Identity(without) {
		t.Fatal("two people")
	}
	h := newHall(t)
	h.running("first", []string{without})
	h.settle("first", sender.Accepted)
	a := h.audience(except("", "first"))
	if err := a.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	reasons, err := a.Bar(t.Context(), []string{with, without})
	if who := got(t, reasons, err); who != "!!" {
		t.Error(who)
	}
	reasons, err = h.audience(except("", "first")).Again(t.Context(), []string{with, without})
	if who := got(t, reasons, err); who != "!!" {
		t.Errorf("asked again: %s", who)
	}
}

// What is not to be known is refused, and says of which campaign.
func TestUnknowable(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.running("first", people(2))
	h.create("importing")
	h.running("expired", people(2))
	if err := h.Ledger.Delete(t.Context(), "expired"); err != nil {
		t.Fatal(err)
	}
	for id, words := range map[string]string{"nobody": "there is no campaign", "importing": "not imported to its end", "expired": "have expired"} {
		for _, rules := range []campaign.Recipients{only(id, "accepted"), except("", "first", id)} {
			err := h.audience(rules).Load(t.Context())
			if !errors.Is(err, ErrUnknowable) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), id) {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	h.rdb.Close()
	if err := h.audience(only("first", "accepted")).Load(t.Context()); err == nil || errors.Is(err, ErrUnknowable) {
		t.Errorf("a Redis that is away: %v", err)
	}
}

// The version is another with whatever may change an answer, and no other without; what
// has expired since the import says nothing more, and then what it found holds.
func TestVersion(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	list := people(3)
	h.running("first", list)
	h.running("second", list[:1])
	h.running("stranger", list)
	a := h.audience(campaign.Recipients{Only: only("first", "accepted", "rejected").Only, Except: except("", "second").Except})
	seen := map[string]bool{}
	next := func(what string, fresh bool) {
		t.Helper()
		v, err := a.Version(t.Context())
		if err != nil || seen[v] == fresh {
			t.Errorf("%s: %q, which is new: %t, %v", what, v, !seen[v], err)
		}
		seen[v] = true
	}
	next("at first", true)
	h.settle("stranger", sender.Accepted)
	next("a stranger", false)
	h.settle("first", sender.Accepted, sender.Rejected)
	next("two have ended", true)
	h.settle("second", sender.Accepted)
	next("one has heard", true)
	if _, err := h.Campaigns.Cancel(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	next("one is cancelled", true)
	if err := h.Ledger.Delete(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	next("one has expired", true)
	next("nothing has changed", false)
	reasons, err := a.Again(t.Context(), list)
	if who := got(t, reasons, err); who != "!xx" {
		t.Errorf("of whom nothing more is known: %s", who)
	}
}
