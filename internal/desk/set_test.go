package desk

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/campaign"
)

func TestSet(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("later", "start_at: 2099-01-01T00:00:00Z")
	c.launch("now", "")
	rate, window, none, past := 50.0, "09:00-20:00 America/Sao_Paulo", "none", c.time.Add(-time.Minute)
	set, err := c.Set(c.ctx, SetOrder{ID: "now", Rate: &rate, Window: &window})
	if err != nil || set.After.Rate != 50 || set.After.Window == nil || set.Before.Rate != 0 || set.LateStart {
		t.Errorf("%+v, %v", set, err)
	}
	set, err = c.Set(c.ctx, SetOrder{ID: "now", Window: &none})
	if err != nil || set.After.Rate != 50 || set.After.Window != nil {
		t.Errorf("%+v, %v", set, err)
	}
	if set, err = c.Set(c.ctx, SetOrder{ID: "later", StartAt: &past}); err != nil || !set.LateStart {
		t.Errorf("%+v, %v", set, err)
	}
	if _, err = c.Set(c.ctx, SetOrder{ID: "now", StartAt: &past}); !errors.Is(err, campaign.ErrBegun) {
		t.Error(err)
	}
	bad, urgent, many := "9 to 5", "urgent", 21
	for words, o := range map[string]SetOrder{
		"nothing to set":       {ID: "now"},
		"not a window":         {ID: "now", Window: &bad},
		"priority: \"urgent\"": {ID: "now", Priority: &urgent},
		"max_attempts":         {ID: "now", MaxAttempts: &many},
	} {
		_, err := c.Set(c.ctx, o)
		refused(t, err, words)
	}
	if _, err := c.Set(c.ctx, SetOrder{ID: "nobody", Rate: &rate}); !errors.Is(err, campaign.ErrNotFound) {
		t.Error(err)
	}
}

// A window that is set to each recipient's own zone after the import has an end, by the
// same zones as if it had been given.
func TestSetWindowKnowsTheZones(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.limits.MessagesPerSecond = 2
	c.file("list.csv", "phone,name\n5511987654321,Ana\n5511987654322,Bia\n6281234567890,Citra\n123,nobody\n")
	c.launch("given", `window: {from: "09:00", to: "20:00", timezone: recipient}`)
	c.launch("later", "")
	own, zone := "09:00-20:00 recipient", "09:00-20:00 UTC"
	zones := func(id string) map[string]int {
		t.Helper()
		rec, err := c.campaigns.Get(c.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return rec.Shape().Zones
	}
	if _, err := c.Set(c.ctx, SetOrder{ID: "later", Window: &zone}); err != nil || zones("later") != nil {
		t.Fatal(zones("later"), err)
	}
	if _, err := c.Set(c.ctx, SetOrder{ID: "later", Window: &own}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(zones("given"), zones("later")); diff != "" || len(zones("later")) != 2 {
		t.Errorf("%v\n%s", zones("later"), diff)
	}
	st, err := c.Status(c.ctx, "later")
	if err != nil || st.EndsAt == nil {
		t.Errorf("%+v, %v", st, err)
	}
}
