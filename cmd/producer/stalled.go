package main

import (
	"context"
	"fmt"
	"time"
)

// stalledAfter is how long a command that was interrupted may take to end by itself.
const stalledAfter = 3 * time.Second

// unlessStalled is what f, which reads a list, returns. Once ctx has ended it is not
// waited for without end: a list that comes through a pipe may stall, and nothing but
// the end of the process ends the reading then.
func unlessStalled[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-time.After(stalledAfter):
		var none T
		return none, fmt.Errorf("interrupted while the list stalled; run the same command again to go on where it ended: %w", ctx.Err())
	}
}
