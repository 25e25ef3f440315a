package receipt

import (
	"context"

	"github.com/redis/go-redis/v9"

	"sluice/internal/ratelimit"
	"sluice/internal/sender"
	"sluice/internal/suppress"
	"sluice/internal/told"
)

// EffectsOn are the effects on the lists of suppressed numbers, on the pace and on what
// is told of senders, as Redis has them. Warn is told what somebody should look at; it may be nil.
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
		Note: func(ctx context.Context, name string, e *sender.Event) error {
			if err := told.Note(ctx, rdb, name, e); err != nil || e.Kind != sender.DayLimit {
				return err
			}
			latest, err := told.Read(ctx, rdb, name, e.Time) // and not this one: it may be an older
			if err != nil {
				return err
			}
			return ratelimit.TellDay(ctx, rdb, name, max(latest.DayLimit, 0))
		},
		Warn: warn,
	}
}
