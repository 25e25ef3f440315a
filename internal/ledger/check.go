package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A demand is a setting of Redis that the ledger's promises rest on.
type demand struct {
	section, field, want string // of INFO
	wrong                string // what follows where it is another
	line                 string // of redis.conf
}

func demands() []demand {
	return []demand{
		{
			"memory", "maxmemory_policy", "noeviction",
			"Redis may drop recipients and journals when its memory is full", "maxmemory-policy noeviction",
		},
		{
			"persistence", "aof_enabled", "1",
			"a restart of Redis loses what was submitted, and it would be submitted again", "appendonly yes",
		},
	}
}

// CheckRedis says what is wrong with the settings of Redis, of each master in a
// Cluster, with the line of redis.conf that mends it. Where a server does not
// tell, the error is ErrUncheckable: a warning, as managed servers refuse it.
func (l *Ledger) CheckRedis(ctx context.Context) error {
	cluster, ok := l.rdb.(*redis.ClusterClient)
	if !ok {
		return checkServer(ctx, l.rdb)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
		return checkServer(ctx, c)
	})
}

func checkServer(ctx context.Context, rdb redis.Cmdable) error {
	if err := rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reaching Redis: %w", err)
	}
	var wrong, untold []error
	for _, d := range demands() {
		got, err := info(ctx, rdb, d)
		switch {
		case err != nil:
			untold = append(untold, fmt.Errorf("%s: %w", d.field, err))
		case got == "":
			untold = append(untold, fmt.Errorf("%s is not among what it tells", d.field))
		case got != d.want:
			wrong = append(wrong, fmt.Errorf("the Redis setting %s is %s: %s; set `%s` in redis.conf", d.field, got, d.wrong, d.line))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	if len(untold) > 0 {
		return fmt.Errorf("%w: %w; see to it that redis.conf has `maxmemory-policy noeviction` and `appendonly yes`",
			ErrUncheckable, errors.Join(untold...))
	}
	return nil
}

// Up is for how long the server has been up. It fails with ErrUncheckable where that
// is not told.
func (l *Ledger) Up(ctx context.Context) (time.Duration, error) {
	text, err := info(ctx, l.rdb, demand{section: "server", field: "uptime_in_seconds"})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUncheckable, err)
	}
	seconds, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%w: uptime_in_seconds", ErrUncheckable)
	}
	return time.Duration(seconds) * time.Second, nil
}

// info is one field of INFO, "" where it is not told.
func info(ctx context.Context, rdb redis.Cmdable, d demand) (string, error) {
	text, err := rdb.Info(ctx, d.section).Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, d.field+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", nil
}
