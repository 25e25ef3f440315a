package receipt

import (
	"context"

	"github.com/redis/go-redis/v9"

	"sluice/internal/ratelimit"
	"sluice/internal/suppress"
)

// EffectsOn are the effects on the lists of suppressed numbers and on the pace, as
// Redis has them. Warn is told what somebody should look at; it may be nil.
func EffectsOn(rdb redis.UniversalClient, warn func(sender, text string)) Effects {
	return Effects{
		OptedOut: func(ctx context.Context, name, phone string, out bool) error {
			list := suppress.New(rdb).OptedOut(name)
			change := list.Add
			if !out {
				change = list.Remove
			}
			_, err := change(ctx, []string{phone})
			return err
		},
		Slow: func(ctx context.Context, name string) error { return ratelimit.Slow(ctx, rdb, name) },
		Warn: warn,
	}
}
