package desk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/outbox"
	"sluice/internal/sender"
)

// told are the events that wait to be told of a campaign, without their times.
func (c *counter) told(id string) (all []string) {
	c.t.Helper()
	for _, text := range c.rdb.HGetAll(c.ctx, keys.Outbox(id)).Val() {
		words := strings.Fields(text)
		all = append(all, strings.Join(slices.Delete(words, 1, 2), " "))
	}
	slices.Sort(all)
	return all
}

// watches has the campaigns looked at that are to be after so long, and says what waits to
// be told then.
func (c *counter) watches(id string, after time.Duration) string {
	c.t.Helper()
	c.time = c.time.Add(after)
	if err := c.Watch(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	return strings.Join(c.told(id), ", ")
}

// called launches a campaign of four recipients that tells of these events.
func (c *counter) called(id string, percent int, events ...campaign.Event) *campaign.Record {
	c.t.Helper()
	callback, err := json.Marshal(Callback{Endpoint: "crm", Events: events, ProgressPercent: percent})
	if err != nil {
		c.t.Fatal(err)
	}
	g, err := c.Compose([]byte(fmt.Sprintf(composed, id, "")), nil, callback, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	g.Tells = events
	if _, _, err := c.Draft(c.ctx, g); err != nil {
		c.t.Fatal(err)
	}
	c.part(id, 1, "text/csv", "phone,name\n5511987654321,Ana\n5511987654322,Bia\n5511987654323,Cai\n5511987654324,Davi\n")
	if err := c.freeze(id, FreezeOrder{}); err != nil {
		c.t.Fatal(err)
	}
	if err := c.Import(c.ctx, id); err != nil {
		c.t.Fatal(err)
	}
	rec, err := c.Record(c.ctx, id)
	if err != nil {
		c.t.Fatal(err)
	}
	return rec
}

// submits has a worker end with some recipients of a campaign.
func (c *counter) submits(id string, outcomes map[int]sender.Outcome) {
	c.t.Helper()
	claim, err := c.ledger.Claim(c.ctx, id, 0, "w", false)
	if err != nil {
		c.t.Fatal(err)
	}
	var begun []int
	var settled []ledger.Settlement
	for i, o := range outcomes {
		begun = append(begun, i)
		settled = append(settled, ledger.Settlement{Index: i, Outcome: o, MessageID: fmt.Sprintf("m%d", i), Time: c.time})
	}
	slices.Sort(begun)
	if err := claim.Begin(c.ctx, begun); err != nil {
		c.t.Fatal(err)
	}
	if _, err := claim.Settle(c.ctx, settled); err != nil {
		c.t.Fatal(err)
	}
	if err := claim.Release(c.ctx); err != nil {
		c.t.Fatal(err)
	}
}

// What no move tells is told once it is noticed, once, whoever looks: progress by its
// steps, that somebody is in doubt, and that no receipt has come for a day. Then nobody
// looks any more.
func TestWatch(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.called("sale", 25, campaign.EventProgress, campaign.EventInDoubt, campaign.EventReceiptsSettled)
	c.called("silent", 0, campaign.EventFinished)
	look := func(after time.Duration, want string) {
		t.Helper()
		if got := c.watches("sale", after); got != want {
			t.Errorf("%q is told, want %q", got, want)
		}
	}
	look(0, "")
	if n := c.rdb.ZCard(c.ctx, keys.Watched()).Val(); n != 1 {
		t.Errorf("%d campaigns are watched", n)
	}
	c.submits("sale", map[int]sender.Outcome{0: sender.Accepted, 1: sender.Accepted, 2: sender.Unknown})
	look(time.Second, "") // it was just looked at
	look(watchEvery, "in_doubt, progress 75")
	look(watchEvery, "in_doubt, progress 75")
	c.submits("sale", map[int]sender.Outcome{3: sender.Accepted})
	if moved, err := c.campaigns.Finish(c.ctx, "sale"); err != nil || !moved {
		t.Fatal(moved, err)
	}
	look(watchEvery, "in_doubt, progress 75")
	look(SettledAfter-time.Minute, "in_doubt, progress 75")
	look(time.Minute+time.Second, "in_doubt, progress 75, receipts_settled")
	if n := c.rdb.ZCard(c.ctx, keys.Watched()).Val(); n != 0 {
		t.Errorf("%d campaigns are watched that are over", n)
	}
	look(SettledAfter, "in_doubt, progress 75, receipts_settled")
	if got := strings.Join(c.told("silent"), ""); got != "" {
		t.Errorf("%s is told although nobody asked", got)
	}
	// Whoever tells it finds it, with what stands beside it.
	if !c.rdb.SIsMember(c.ctx, keys.Outboxes(), "sale").Val() {
		t.Error("nobody looks for it")
	}
	m, err := c.Told(c.ctx, outbox.Event{Campaign: "sale", Seq: 2, Type: "progress", More: "75"})
	if err != nil || !strings.Contains(string(m.Body), `"percent":75`) || m.Endpoint != "crm" {
		t.Errorf("%s, %v", m.Body, err)
	}
}

// A campaign that somebody has taken to look at is nobody else's until the lease is over,
// and one that was reopened meanwhile is looked at all the same.
func TestWatchLease(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.called("sale", 0, campaign.EventInDoubt)
	took := func(want int) (until time.Time) {
		t.Helper()
		ids, until, err := c.campaigns.Watched(c.ctx, 10, watchLease)
		if err != nil || len(ids) != want {
			t.Fatalf("took %v, %v", ids, err)
		}
		return until
	}
	until := took(1)
	took(0)
	c.time = c.time.Add(watchLease + time.Second)
	if again := took(1); !again.After(until) {
		t.Errorf("taken until %v", again)
	}
	// The one that was too slow says nothing any more.
	if err := c.campaigns.WatchAgain(c.ctx, "sale", until, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if n := c.rdb.ZCard(c.ctx, keys.Watched()).Val(); n != 1 {
		t.Error("a look that took too long has ended the watch")
	}
}
