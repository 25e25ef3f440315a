package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

// peerRows are the recipients of a peer's run, each of which is a task.
const peerRows = 30_000

// peer measures the worker against one that everybody writes first: an asynq
// task a recipient, whose message_id goes into a hash.
func (b *bench) peer(ctx context.Context, w io.Writer) error {
	var naive, ours, ratio spread
	for range b.pairs {
		s, err := b.open(ctx, "in_flight: 64", "--count-only")
		if err != nil {
			return err
		}
		x, err := s.naive(ctx)
		if err == nil {
			var y speed
			y, err = s.finish(ctx, load{sender: "nx", rows: b.rows}, 1)
			naive, ours, ratio = append(naive, x), append(ours, y.perSecond), append(ratio, y.perSecond/x)
		}
		s.close()
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "| nxcloud, answered at once, 64 in flight | one asynq task a recipient | Sluice | ratio |\n|---|---|---|---|\n"+
		"| recipients a second | %s | %s | %s |\n\n", naive.text("%.0f"), ours.text("%.0f"), ratio.text("%.1f"))
	return nil
}

// naive sends peerRows recipients, a task each, and says how many a second.
func (s *site) naive(ctx context.Context) (float64, error) {
	client := asynq.NewClientFromRedisClient(s.redis)
	for i := range peerRows {
		if _, err := client.EnqueueContext(ctx, asynq.NewTask("send", []byte(strconv.Itoa(i)))); err != nil {
			return 0, fmt.Errorf("enqueueing a task: %w", err)
		}
	}
	h := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64, DisableCompression: true}, Timeout: 15 * time.Second}
	defer h.CloseIdleConnections()
	var done atomic.Int64
	all := make(chan struct{})
	server := asynq.NewServerFromRedisClient(s.redis, asynq.Config{Concurrency: 64, LogLevel: asynq.FatalLevel})
	began := time.Now()
	err := server.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		i, err := strconv.Atoi(string(t.Payload()))
		if err != nil {
			return err
		}
		if err := bareRequest(ctx, h, s.sandbox, "nx", int64(i), 1); err != nil {
			return err
		}
		if err := s.redis.HSet(ctx, "naive", i, "Zx3mPq8LrT5vNc1KdW7yBf2HsJ9").Err(); err != nil {
			return err
		}
		if done.Add(1) == peerRows {
			close(all)
		}
		return nil
	}))
	if err != nil {
		return 0, fmt.Errorf("starting the peer: %w", err)
	}
	defer server.Shutdown()
	select {
	case <-all:
		return peerRows / time.Since(began).Seconds(), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
