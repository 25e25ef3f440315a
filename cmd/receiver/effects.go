package main

import (
	"context"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/ratelimit"
	"sluice/internal/receipt"
	"sluice/internal/suppress"
)

// effects are what receipts do to the lists of suppressed numbers, to the pace and to
// the log.
func effects(rdb redis.UniversalClient, log zerolog.Logger) receipt.Effects {
	return receipt.Effects{
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
		Warn: func(name, text string) {
			log.Warn().Str("sender", name).Str("event", text).Msg("the provider tells of something that somebody should look at")
		},
	}
}
