package receipt

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/campaign"
)

// campaignsEvery is how often the list of campaigns is read again.
const campaignsEvery = time.Second

// A campaigns is which campaigns there are of each sender, the newest first.
type campaigns struct {
	store  *campaign.Store
	now    func() time.Time
	readAt time.Time
	sender map[string]string // by campaign; it never changes
	of     map[string][]string
}

func newCampaigns(store *campaign.Store, now func() time.Time) *campaigns {
	return &campaigns{store: store, now: now, sender: map[string]string{}}
}

// ofSender are a sender's campaigns.
func (c *campaigns) ofSender(ctx context.Context, name string) ([]string, error) {
	if now := c.now(); now.Sub(c.readAt) >= campaignsEvery {
		if err := c.read(ctx); err != nil {
			return nil, err
		}
		c.readAt = now
	}
	return c.of[name], nil
}

func (c *campaigns) read(ctx context.Context) error {
	ids, err := c.store.IDs(ctx)
	if err != nil {
		return err
	}
	var unknown []string
	for _, id := range ids {
		if c.sender[id] == "" {
			unknown = append(unknown, id)
		}
	}
	names, err := c.store.Senders(ctx, unknown)
	if err != nil {
		return fmt.Errorf("looking for campaigns: %w", err)
	}
	for i, id := range unknown {
		c.sender[id] = names[i]
	}
	c.of = map[string][]string{}
	for _, id := range ids {
		if name := c.sender[id]; name != "" {
			c.of[name] = append(c.of[name], id)
		}
	}
	return nil
}
