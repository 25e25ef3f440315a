package desk

import (
	"context"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/estimate"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/status"
)

// ends are when the active campaigns of a sender will have been sent, by id.
func (d *Desk) ends(ctx context.Context, sender string, now time.Time) (map[string]time.Time, error) {
	s, err := d.held(ctx, sender)
	if err != nil {
		return nil, err
	}
	active, err := d.campaigns.Active(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, brief := range active {
		if brief.Sender == sender && (brief.State == campaign.Running || brief.State == campaign.Scheduled) {
			ids = append(ids, brief.ID)
		}
	}
	ids, all, err := d.left(ctx, ids)
	if err != nil {
		return nil, err
	}
	ends := map[string]time.Time{}
	for i, at := range estimate.Ends(now, s, all) {
		ends[ids[i]] = at
	}
	return ends, nil
}

// held is what holds a sender's campaigns together: the limits of the senders
// file, where it is to be had, or those that the workers go by.
func (d *Desk) held(ctx context.Context, name string) (estimate.Sender, error) {
	pace, err := ratelimit.ReadState(ctx, d.redis, name)
	if err != nil {
		return estimate.Sender{}, err
	}
	s := estimate.Sender{Messages: pace.Limit}
	if opened, err := d.open(name); err == nil {
		s = limitsOf(opened)
	}
	s.Until = pace.Until
	if pace.Paused.After(s.Until) {
		s.Until = pace.Paused
	}
	if s.Day == 0 {
		return s, nil
	}
	used, err := ratelimit.ReadUsed(ctx, d.redis, name)
	for _, u := range used {
		s.Used = append(s.Used, estimate.Used(u))
	}
	return s, err
}

func limitsOf(s *Sender) estimate.Sender {
	return estimate.Sender{Messages: s.Limits.MessagesPerSecond, Requests: s.Limits.RequestsPerSecond, Day: s.Limits.MessagesPerDay}
}

// left is what is left of campaigns, of those of which that is to be known.
func (d *Desk) left(ctx context.Context, ids []string) (known []string, all []estimate.Campaign, err error) {
	records, err := d.campaigns.Many(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var counted []ledger.Counted
	var found []*campaign.Record
	for _, rec := range records {
		if rec == nil {
			continue
		}
		if c, ok := rec.Counted(); ok {
			counted, found = append(counted, c), append(found, rec)
		}
	}
	totals, err := d.ledger.TotalsOf(ctx, counted...)
	if err != nil {
		return nil, nil, err
	}
	for i, rec := range found {
		file, err := rec.File()
		if err != nil {
			return nil, nil, err
		}
		c := toSend(file, totals[i].Pending, rec.Shape())
		if !rec.StartedAt.IsZero() {
			c.Start = time.Time{}
		}
		if !unknowable(c) {
			known, all = append(known, rec.ID), append(all, c)
		}
	}
	return known, all, nil
}

// toSend is a campaign of which so many are left. Those that are left are taken to
// be spread over the zones as all of them are.
func toSend(f *campaign.File, pending int, shape campaign.Shape) estimate.Campaign {
	set := f.Settings()
	c := estimate.Campaign{
		Start: set.StartAt, Weight: set.Weight(), Rate: set.Rate, Window: set.Window,
		Zones: map[string]int{"": pending},
	}
	all := 0
	for _, n := range shape.Zones {
		all += n
	}
	if shape.Requests > 0 {
		c.PerRequest = float64(max(all, pending)) / float64(shape.Requests)
	}
	if set.Window != nil && set.Window.Timezone == campaign.RecipientZone && all > 0 {
		clear(c.Zones)
		for zone, n := range shape.Zones {
			c.Zones[zone] = (n*pending + all - 1) / all
		}
	}
	return c
}

// unknowable says that a campaign's window is each recipient's own, and nobody has noted
// in which zones they are.
func unknowable(c estimate.Campaign) bool {
	_, unknown := c.Zones[""]
	return unknown && c.Window != nil && c.Window.Timezone == campaign.RecipientZone
}

// tell puts an end into an account.
func tell(st *status.Status, now, at time.Time) {
	if at.IsZero() || st.Pending == 0 {
		return
	}
	at = at.Round(time.Second)
	seconds := int(at.Sub(now).Seconds() + 0.5)
	st.EndsAt, st.ETASeconds = &at, &seconds
}
