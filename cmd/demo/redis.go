package main

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// tickEvery is how often the embedded Redis' clock is moved: its keys do not
// expire by themselves.
const tickEvery = 100 * time.Millisecond

// startRedis starts the embedded Redis. It lives in memory and dies with the
// process: right for a demo, never for real sending.
func startRedis(ctx context.Context) (*redis.Client, func(), error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, nil, fmt.Errorf("starting the embedded Redis: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				m.FastForward(tickEvery)
			}
		}
	}()
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
	return rdb, func() { cancel(); rdb.Close(); m.Close() }, nil
}
