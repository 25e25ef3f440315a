package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// spinners is the load on each core under which no worker may be taken for gone.
const spinners = 4

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
	taken, batches, err := b.falseTakeovers(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## Takeover\n\n| what | |\n|---|---|\n"+
		"| a campaign of one batch, from the kill of its worker to the next submission, seconds | %s |\n"+
		"| two workers that live, %s at a load of %d a core: batches taken over, of %d | %d |\n\n", stands.text("%.2f"), b.busy, spinners, batches, taken)
	return nil
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
func (b *bench) falseTakeovers(ctx context.Context) (taken, batches int, err error) {
	s, err := b.open(ctx, "in_flight: 128", "--count-only", "--latency", "20ms")
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	if err := s.imported(ctx, "busy", "nx", int(b.busy.Seconds())*8000); err != nil {
		return 0, 0, err
	}
	for range spinners * runtime.NumCPU() {
		spin := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := spin.Start(); err != nil {
			return 0, 0, err
		}
		s.procs = append(s.procs, spin)
	}
	for range 2 {
		if err := s.worker(ctx); err != nil {
			return 0, 0, err
		}
	}
	short, cancel := context.WithTimeout(ctx, b.busy)
	defer cancel()
	if err := s.awaitFinished(short, "busy"); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return 0, 0, err
	}
	claims, err := s.redis.HVals(ctx, "sluice:{busy}:claims").Result()
	if err != nil {
		return 0, 0, fmt.Errorf("asking for the claims: %w", err)
	}
	for _, epoch := range claims {
		if epoch != "1" {
			taken++
		}
	}
	return taken, len(claims), nil
}
