package desk

import (
	"context"

	"sluice/internal/suppress"
)

// OptOut puts numbers on the list of those who want no marketing from a sender, and
// returns how many were not on it before. Numbers are read as those of Suppress. What
// is sent with a template of another category they get.
func (d *Desk) OptOut(ctx context.Context, sender string, numbers []string, country string) (int, error) {
	return change(ctx, numbers, country, suppress.New(d.redis).OptedOut(sender).Add)
}

// OptIn takes numbers off that list, and returns how many were on it.
func (d *Desk) OptIn(ctx context.Context, sender string, numbers []string, country string) (int, error) {
	return change(ctx, numbers, country, suppress.New(d.redis).OptedOut(sender).Remove)
}

// OptedOut tells each of every number on that list, in no order.
func (d *Desk) OptedOut(ctx context.Context, sender string, each func(phone string) error) error {
	return suppress.New(d.redis).OptedOut(sender).Each(ctx, each)
}
