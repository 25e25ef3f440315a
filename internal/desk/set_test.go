package desk

import (
	"errors"
	"testing"
	"time"

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
