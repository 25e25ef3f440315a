package desk

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/audit"
	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/status"
)

// beats has a worker be alive.
func (c *counter) beats(h ledger.Heartbeat) {
	c.t.Helper()
	if _, err := c.ledger.Beat(c.ctx, h, time.Minute); err != nil {
		c.t.Fatal(err)
	}
}

// held is what holds a campaign, in one word each.
func (c *counter) heldBy(id string) string {
	c.t.Helper()
	st, err := c.Status(c.ctx, id)
	if err != nil {
		c.t.Fatal(err)
	}
	var what []string
	for _, h := range st.Holds {
		if h.Text == "" {
			c.t.Errorf("%s says nothing", h.What)
		}
		what = append(what, h.What)
	}
	return strings.Join(what, " ")
}

// A pause that the provider asked for holds before all that its sender may do, until
// a person ends it; so does a day that is used up.
func TestHoldsOfThePace(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "")
	c.beats(ledger.Heartbeat{Worker: "w", Senders: []string{"promo"}, Paused: map[string]time.Time{"promo": c.time}})
	pace := ratelimit.New(c.rdb, ratelimit.Options{Worker: "w", Log: zerolog.Nop()}).Sender("promo", ratelimit.Limits{MessagesPerSecond: 100, MessagesPerDay: 1})
	defer pace.Close()
	grant, err := pace.Take(c.ctx, ratelimit.Ask{Campaign: "sale", Weight: 2, Want: 1})
	if err != nil || grant.N != 1 {
		t.Fatal(grant, err)
	}
	var full *ratelimit.DayFullError
	if _, err := pace.Take(c.ctx, ratelimit.Ask{Campaign: "sale", Weight: 2, Want: 1}); !errors.As(err, &full) {
		t.Fatal(err)
	}
	first := func(what string) status.Hold {
		t.Helper()
		st, err := c.Status(c.ctx, "sale")
		if err != nil || len(st.Holds) == 0 || st.Holds[0].What != what || st.Holds[0].Until == nil || st.GoesOnAt == nil {
			t.Fatalf("%s: %+v, %v", what, st, err)
		}
		return st.Holds[0]
	}
	if h := first(status.HoldDay); !h.Until.Equal(full.Until.Truncate(time.Microsecond)) && h.Until.Sub(full.Until).Abs() > time.Second {
		t.Errorf("the day is used up until %s, not %s", h.Until, full.Until)
	}
	if err := pace.Throttled(c.ctx, 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	if h := first(status.HoldThrottled); !strings.HasSuffix(h.Text, "throttled") || time.Until(*h.Until) < 9*time.Minute {
		t.Errorf("%+v", h)
	}
	if alive, _, err := c.Workers(c.ctx); err != nil || len(alive) != 1 || !alive[0].Paused["promo"].Equal(c.time) {
		t.Errorf("%+v, %v", alive, err)
	}
	for _, was := range []bool{true, false} {
		if m, sender, cleared, err := c.ClearPause(c.ctx, "sale"); err != nil || m.State != campaign.Running || sender != "promo" || cleared != was {
			t.Errorf("%+v %s %v %v", m, sender, cleared, err)
		}
	}
	first(status.HoldDay)
	if _, err := c.Cancel(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := c.ClearPause(c.ctx, "sale"); !errors.Is(err, campaign.ErrNotAllowed) {
		t.Errorf("of a campaign that is over: %v", err)
	}
}

// What holds a campaign is told first, whatever it is.
func TestHolds(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	now := c.time.UTC()
	shut := now.Add(12*time.Hour).Format("15:04") + "-" + now.Add(13*time.Hour).Format("15:04") + " UTC"
	c.launch("sale", "")
	c.launch("later", "start_at: 2099-01-01T00:00:00Z")
	check := func(id, want string) {
		t.Helper()
		if got := c.heldBy(id); got != want {
			t.Errorf("%s is held by %q, want %q", id, got, want)
		}
	}
	check("sale", "no_worker")
	check("later", "no_worker start")
	c.beats(ledger.Heartbeat{Worker: "w1", Senders: []string{"other"}})
	check("sale", "no_sender")
	c.beats(ledger.Heartbeat{Worker: "w2", Senders: []string{"promo"}, Circuits: map[string]ledger.Circuit{"promo": {Since: now, Code: "http_503"}}})
	check("sale", "circuit")
	if _, err := c.Set(c.ctx, SetOrder{ID: "sale", Window: &shut}); err != nil {
		t.Fatal(err)
	}
	check("sale", "window circuit")
	c.beats(ledger.Heartbeat{Worker: "w2", Senders: []string{"promo"}})
	check("sale", "window")
	pace := ratelimit.New(c.rdb, ratelimit.Options{Worker: "w2", Log: zerolog.Nop()}).Sender("promo", ratelimit.Limits{MessagesPerSecond: 10})
	if err := pace.Throttled(c.ctx, 0); err != nil {
		t.Fatal(err)
	}
	pace.Close()
	check("sale", "window throttled")
	none := "none"
	if _, err := c.Set(c.ctx, SetOrder{ID: "sale", Window: &none}); err != nil {
		t.Fatal(err)
	}
	check("sale", "throttled")
	if _, err := c.campaigns.Halt(c.ctx, "sale", "22125", "22125: no balance"); err != nil {
		t.Fatal(err)
	}
	check("sale", "halted")
	if _, err := c.Resume(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	c.actor = audit.Actor{Kind: "cli", Name: "maria@office"}
	if _, err := c.Pause(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	check("sale", "paused")
	if st, err := c.Status(c.ctx, "sale"); err != nil || st.Holds[0].Text != "paused by maria@office" {
		t.Errorf("%+v, %v", st.Holds, err)
	}
	if _, err := c.Cancel(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	check("sale", "")
	o := c.order("cut", "")
	f := c.prepare(o).File()
	if _, err := c.campaigns.Create(c.ctx, o.Text, f); err != nil {
		t.Fatal(err)
	}
	check("cut", "importing")
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	alive, last, err := c.Workers(c.ctx)
	if err != nil || len(alive) != 0 || !last.IsZero() {
		t.Errorf("%v %v %v", alive, last, err)
	}
	c.beats(ledger.Heartbeat{Worker: "w1", Host: "h", Version: "v1", Since: c.time.Add(-time.Hour), Senders: []string{"promo"}, Campaigns: []string{"sale"}, InFlight: 3})
	alive, last, err = c.Workers(c.ctx)
	if err != nil || len(alive) != 1 || alive[0].InFlight != 3 || alive[0].Host != "h" || !alive[0].LastBeat.Equal(last) || last.UnixMilli() != c.time.UnixMilli() {
		t.Errorf("%+v %v %v", alive, last, err)
	}
	if err := c.ledger.Leave(c.ctx, "w1"); err != nil {
		t.Fatal(err)
	}
	if alive, last, err = c.Workers(c.ctx); err != nil || len(alive) != 0 || last.IsZero() {
		t.Errorf("%+v %v %v: a worker that has left was there", alive, last, err)
	}
}

// Plan, status and a dry run agree on the end, and the others of the sender count.
func TestEndsOfPlanAndStatus(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.limits.MessagesPerSecond = 2
	c.limits.MessagesPerDay = 1000
	var list strings.Builder
	list.WriteString("phone,name\n")
	for i := range 400 {
		list.WriteString("55119" + strconv.Itoa(10000000+i) + ",a\n")
	}
	c.file("list.csv", list.String())
	near := func(what string, got time.Time, want time.Duration) {
		t.Helper()
		if off := got.Sub(c.time.Add(want)); off > 2*time.Second || off < -2*time.Second {
			t.Errorf("%s ends %s from now, want %s", what, got.Sub(c.time), want)
		}
	}
	plan, err := c.Count(c.ctx, c.prepare(c.order("one", "")))
	if err != nil {
		t.Fatal(err)
	}
	near("the dry run", plan.EndsAt, 200*time.Second)
	l := c.launch("one", "")
	near("the plan", l.EndsAt, 200*time.Second)
	near("beside another", c.launch("two", "priority: high").EndsAt, 300*time.Second)
	st, err := c.Status(c.ctx, "one")
	if err != nil || st.EndsAt == nil || st.ETASeconds == nil {
		t.Fatalf("%+v, %v", st, err)
	}
	near("the status", *st.EndsAt, 400*time.Second)
	// Of the 24 hours only a hundred messages are left, until an hour from now.
	bucket := c.time.Add(-23*time.Hour).Unix() / 600
	c.rdb.HSet(c.ctx, keys.SenderDay("promo"), bucket, 900)
	free := time.Unix((bucket+1)*600, 0).Add(24 * time.Hour)
	if st, err = c.Status(c.ctx, "one"); err != nil || st.EndsAt.Before(free) {
		t.Errorf("ends at %v, and until %s there is nothing left", st.EndsAt, free)
	}
	// Those of each recipient's own time need their zones.
	own, err := c.Count(c.ctx, c.prepare(c.order("own", `window: {from: "09:00", to: "20:00", timezone: recipient}`)))
	if err != nil || own.EndsAt.IsZero() {
		t.Errorf("%+v, %v", own, err)
	}
	if _, err := c.Pause(c.ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if st, err = c.Status(c.ctx, "one"); err != nil || st.EndsAt != nil {
		t.Errorf("paused, and ends at %v, %v", st.EndsAt, err)
	}
	n := 0
	if err := c.Statuses(c.ctx, func(*status.Status) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d accounts, %v", n, err)
	}
}
