package jobs

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// DefaultPrefix begins the names of our queues, unless another is set.
const DefaultPrefix = keys.QueuePrefix

// ErrPrefix says that a prefix is not that of this Redis' queues, or is none.
var ErrPrefix = errors.New("not the prefix of the queues in this Redis")

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,39}$`)

// fieldPrefix is in the hash that every program looks at first.
const fieldPrefix = "queue_prefix"

// CheckPrefix sees to it that all programs on a Redis name its queues alike: the
// first says how, and another prefix is refused with ErrPrefix, or a campaign would
// wait in a queue where nobody looks.
func CheckPrefix(ctx context.Context, rdb redis.UniversalClient, prefix string) error {
	if !prefixPattern.MatchString(prefix) {
		return fmt.Errorf("%w: %q is none: up to 40 letters, digits and . _ : -, the first a letter or digit", ErrPrefix, prefix)
	}
	there, err := rdb.HGet(ctx, keys.Schema(), fieldPrefix).Result()
	if errors.Is(err, redis.Nil) { // asked first, for a full Redis can be read and not written
		if err := rdb.HSetNX(ctx, keys.Schema(), fieldPrefix, prefix).Err(); err != nil {
			return fmt.Errorf("writing the prefix of the queues: %w", err)
		}
		there, err = rdb.HGet(ctx, keys.Schema(), fieldPrefix).Result()
	}
	if err != nil {
		return fmt.Errorf("reading the prefix of the queues: %w", err)
	}
	if there != prefix {
		return fmt.Errorf("%w: they begin with %q, and %q was given; give every program the same", ErrPrefix, there, prefix)
	}
	return nil
}
