package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// busyLimit is the pace at which two workers send while false takeovers are waited
// for: each has a batch all the time, and the load is made by others.
const busyLimit = 100

// takeover measures how long a campaign of one batch stands when its worker is killed,
// and how often a worker that lives is taken for gone on a machine that is busy.
func (b *bench) takeover(ctx context.Context, w io.Writer) error {
	var stands spread
	for range b.pairs {
		took, err := b.standsFor(ctx)
		if err != nil {
			return err
		}
		stands = append(stands, took.Seconds())
	}
	back, err := b.comesBack(ctx)
	if err != nil {
		return err
	}
	taken, batches, seen, err := b.falseTakeovers(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## Takeover\n\n| what | |\n|---|---|\n"+
		"| a campaign of one batch, from the kill of its worker to the next submission, seconds | %s |\n"+
		"| an asynq task a recipient, two processes, from the kill of one to the next submission of what it had, seconds | %.1f |\n"+
		"| two workers that live, %d a second, %s, a load on each core of %s: batches taken over, of %d | %d |\n\n", stands.text("%.2f"), back.Seconds(), busyLimit, b.busy, seen.text("%.1f"), batches, taken)
	return nil
}

// comesBack says after how long what a killed asynq server had goes on. The other one
// goes on with what waits, until there is nothing else.
func (b *bench) comesBack(ctx context.Context) (time.Duration, error) {
	s, err := b.open(ctx, "in_flight: 64", "--count-only")
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := s.enqueue(ctx, 300); err != nil {
		return 0, err
	}
	q := plainQueue{timeout: 15 * time.Second, limit: 50}
	if _, err := s.started(ctx, q); err != nil {
		return 0, err
	}
	p, err := s.started(ctx, q)
	if err != nil {
		return 0, err
	}
	var last int64
	counted := func() (int64, error) {
		r, err := s.report(ctx)
		return r.Counted, err
	}
	if err := s.until(ctx, func() (bool, error) {
		last, err = counted()
		return last >= 20, err
	}); err != nil {
		return 0, err
	}
	if err := p.Process.Kill(); err != nil {
		return 0, err
	}
	killed := time.Now()
	moved := killed
	var back time.Duration
	err = s.until(ctx, func() (bool, error) {
		n, err := counted()
		if n > last {
			if time.Since(moved) > 5*time.Second {
				back = time.Since(killed)
			}
			last, moved = n, time.Now()
		}
		return back > 0, err
	})
	return back, err
}

func (b *bench) standsFor(ctx context.Context) (time.Duration, error) {
	s, err := b.open(ctx, "in_flight: 64, messages_per_second: 100", "--count-only")
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := s.imported(ctx, "one", "nx", 1000); err != nil {
		return 0, err
	}
	for range 2 {
		if err := s.worker(ctx); err != nil {
			return 0, err
		}
	}
	if err := s.awaitCounted(ctx, "one", 50); err != nil {
		return 0, err
	}
	owner, err := s.redis.HGet(ctx, "sluice:{one}:owners", "0").Result()
	if err != nil {
		return 0, fmt.Errorf("asking whose batch it is: %w", err)
	}
	// A worker's name is host-pid-random.
	parts := strings.Split(owner, "-")
	pid, err := strconv.Atoi(parts[max(0, len(parts)-2)])
	if err != nil {
		return 0, fmt.Errorf("no process in the name %s: %w", owner, err)
	}
	for _, p := range s.procs {
		if p.Process.Pid == pid {
			err = p.Process.Kill()
		}
	}
	if err != nil {
		return 0, err
	}
	killed := time.Now()
	select {
	case <-time.After(300 * time.Millisecond): // whatever was on its way has arrived
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	r, err := s.report(ctx)
	if err != nil {
		return 0, err
	}
	err = s.awaitCounted(ctx, "one", r.Counted+1)
	return time.Since(killed), err
}

// falseTakeovers says how many of how many batches were claimed more than once.
func (b *bench) falseTakeovers(ctx context.Context) (taken, batches int, seen spread, err error) {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: 128, messages_per_second: %d", busyLimit), "--count-only", "--latency", "20ms")
	if err != nil {
		return 0, 0, nil, err
	}
	defer s.close()
	if err := s.imported(ctx, "busy", "nx", int(b.busy.Seconds())*busyLimit); err != nil {
		return 0, 0, nil, err
	}
	stop, err := spin(ctx, b.spinners)
	if err != nil {
		return 0, 0, nil, err
	}
	defer stop()
	for range 2 {
		if err := s.worker(ctx); err != nil {
			return 0, 0, nil, err
		}
	}
	short, cancel := context.WithTimeout(ctx, b.busy)
	defer cancel()
	look := time.Now()
	if err := s.await(short, "busy", func(state string) (bool, error) {
		if time.Since(look) > 10*time.Second {
			look, seen = time.Now(), append(seen, perCore())
		}
		return state == "finished", nil
	}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return 0, 0, nil, err
	}
	claims, err := s.redis.HVals(ctx, "sluice:{busy}:claims").Result()
	if err != nil {
		return 0, 0, nil, fmt.Errorf("asking for the claims: %w", err)
	}
	for _, epoch := range claims {
		if epoch != "1" {
			taken++
		}
	}
	return taken, len(claims), seen, nil
}
