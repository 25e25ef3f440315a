package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// A Used is how many messages a sender has sent in a stretch of the last 24 hours.
// They count until its end, To, is 24 hours ago.
type Used struct {
	To time.Time
	N  int
}

// ReadUsed reads what of a sender's 24 hours is used.
func ReadUsed(ctx context.Context, rdb redis.UniversalClient, name string) ([]Used, error) {
	fields, err := rdb.HGetAll(ctx, keys.SenderDay(name)).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the 24 hours of %s: %w", name, err)
	}
	var all []Used
	for b, n := range readUsage(fields) {
		if n > 0 {
			all = append(all, Used{To: time.UnixMicro((b + 1) * bucket), N: n})
		}
	}
	return all, nil
}
