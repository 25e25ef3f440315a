package ratelimit

import (
	"context"
	"fmt"
	"strconv"
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
	const stretch = 10 * time.Minute
	var all []Used
	for field, text := range fields {
		bucket, err := strconv.ParseInt(field, 10, 64)
		n, err2 := strconv.Atoi(text)
		if err == nil && err2 == nil && n > 0 {
			all = append(all, Used{To: time.Unix(0, 0).Add(time.Duration(bucket+1) * stretch), N: n})
		}
	}
	return all, nil
}
