// Package program is the frame of a program that runs until it is told to stop:
// whoever asks it to stop is heard, and how it ended is its exit code.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A Run is a program, but for the process around it. It ends with ctx.
type Run func(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error

// Main runs a program until it is done, or SIGINT or SIGTERM tells it to stop, and
// says why it failed. It returns the exit code: 0 done, 1 failed, 2 wrong usage or
// an invalid file.
func Main(name string, run Run) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var usage *UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// A UsageError is wrong usage, or an invalid file: to try again without a change is
// of no use.
type UsageError struct{ Err error }

// Error is what is wrong.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap is the error underneath.
func (e *UsageError) Unwrap() error { return e.Err }
