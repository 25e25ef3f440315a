package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

// A plainQueue is what people write who send by asynq: a task a recipient, 64 in
// flight, and the outcome in a hash.
type plainQueue struct {
	sandbox string
	careful bool          // an intent is in Redis before each submission
	timeout time.Duration // of a submission
	limit   float64       // a second; 0: none
}

// plainQueueArg is the first argument of this program where it is such a peer.
const plainQueueArg = "plain-queue"

// started starts it as a process of its own, which can be killed.
func (s *site) started(ctx context.Context, q plainQueue) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	_, err = s.start(ctx, self, plainQueueArg, s.addr, s.sandbox, strconv.FormatBool(q.careful), q.timeout.String(), strconv.FormatFloat(q.limit, 'g', -1, 64))
	return s.procs[len(s.procs)-1], err
}

// runPlainQueue is that process.
func runPlainQueue(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("%d arguments", len(args))
	}
	careful, err1 := strconv.ParseBool(args[2])
	timeout, err2 := time.ParseDuration(args[3])
	limit, err3 := strconv.ParseFloat(args[4], 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Addr: args[0]})
	defer rdb.Close()
	server, err := plainQueue{sandbox: args[1], careful: careful, timeout: timeout, limit: limit}.serve(ctx, rdb)
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}

// enqueue enqueues n recipients.
func (s *site) enqueue(ctx context.Context, n int, options ...asynq.Option) error {
	client := asynq.NewClientFromRedisClient(s.redis)
	for i := range n {
		if _, err := client.EnqueueContext(ctx, asynq.NewTask("send", []byte(strconv.Itoa(i))), options...); err != nil {
			return fmt.Errorf("enqueueing a task: %w", err)
		}
	}
	return nil
}

// serve sends what is in the queue.
func (q plainQueue) serve(ctx context.Context, rdb *redis.Client) (*asynq.Server, error) {
	h := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64, DisableCompression: true}, Timeout: q.timeout}
	pace := rate.NewLimiter(rate.Inf, 1)
	if q.limit > 0 {
		pace = rate.NewLimiter(rate.Limit(q.limit), 1)
	}
	server := asynq.NewServerFromRedisClient(rdb, asynq.Config{Concurrency: 64, LogLevel: asynq.FatalLevel})
	err := server.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		i, err := strconv.Atoi(string(t.Payload()))
		if err != nil {
			return err
		}
		if err := pace.Wait(ctx); err != nil {
			return err
		}
		if q.careful {
			if err := rdb.HSet(ctx, "intents", i, 1).Err(); err != nil {
				return err
			}
		}
		outcome := "Zx3mPq8LrT5vNc1KdW7yBf2HsJ9"
		if err := bareRequest(ctx, h, q.sandbox, "nx", int64(i), 1); err != nil {
			outcome = "in doubt"
		}
		return rdb.HSet(ctx, "outcomes", i, outcome).Err()
	}))
	if err != nil {
		return nil, fmt.Errorf("starting the peer: %w", err)
	}
	context.AfterFunc(ctx, h.CloseIdleConnections)
	return server, nil
}
