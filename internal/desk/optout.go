package desk

import (
	"context"

	"sluice/internal/suppress"
)

// OptedOut tells each of every number on the list of those who want no marketing from a
// sender, in no order.
func (d *Desk) OptedOut(ctx context.Context, sender string, each func(phone string) error) error {
	return suppress.New(d.redis).OptedOut(sender).Each(ctx, each)
}
