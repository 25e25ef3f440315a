package receipt

import (
	"context"
	"fmt"
	"slices"

	"sluice/internal/campaign"
)

// A campaigns is which campaigns there are of each sender, the newest first. It
// knows what was there when it was read last.
type campaigns struct {
	store  *campaign.Store
	ids    []string
	sender map[string]string // by campaign; it never changes
	of     map[string][]string
	// changes is how often another list was read.
	changes int
}

func newCampaigns(store *campaign.Store) *campaigns {
	return &campaigns{store: store, sender: map[string]string{}}
}

// ofSender are a sender's campaigns.
func (c *campaigns) ofSender(name string) []string { return c.of[name] }

// read reads which campaigns there are. A receipt that came in before is of one of
// them, or of none: whoever is submitted to is in a campaign that is on record.
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
	if len(unknown) == 0 && slices.Equal(ids, c.ids) {
		return nil
	}
	names, err := c.store.Senders(ctx, unknown)
	if err != nil {
		return fmt.Errorf("looking for campaigns: %w", err)
	}
	known := make(map[string]string, len(ids))
	for _, id := range ids {
		known[id] = c.sender[id]
	}
	for i, id := range unknown {
		known[id] = names[i]
	}
	c.ids, c.sender, c.of = ids, known, map[string][]string{}
	for _, id := range ids {
		if name := known[id]; name != "" {
			c.of[name] = append(c.of[name], id)
		}
	}
	c.changes++
	return nil
}
