package campaign

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// IDs are the ids of all campaigns, the newest first.
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	ids, err := s.rdb.ZRevRange(ctx, keys.Campaigns(), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("listing the campaigns: %w", err)
	}
	return ids, nil
}

// Senders are the senders of campaigns, "" where there is no record yet.
func (s *Store) Senders(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.StringCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HGet(ctx, keys.Campaign(id), fieldSender)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("reading campaigns: %w", err)
	}
	names := make([]string, len(ids))
	for i, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("reading campaigns: %w", err)
		}
		names[i] = c.Val()
	}
	return names, nil
}
