// Command producer is the sending side of Sluice: it imports a list into a
// campaign, says what became of every row, and steers.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // windows name time zones, and small images have no list of them

	"sluice/internal/config"
	"sluice/internal/desk"
)

func main() {
	config.QuietRedis()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	printError(os.Stderr, err, wantsJSON(os.Args[1:]))
	os.Exit(exitCode(err))
}

// exitCode is 0 done, 1 failed, 2 wrong usage or an invalid file, 3
// done, but somebody who was to get it was not accepted.
func exitCode(err error) int {
	var usage *usageError
	var invalid *desk.InvalidError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotAllAccepted):
		return 3
	case errors.As(err, &usage), errors.As(err, &invalid):
		return 2
	}
	return 1
}

// errNotAllAccepted ends `send --wait` when the campaign is over and a
// recipient was not accepted. The account that was printed says which.
var errNotAllAccepted = errors.New("not every recipient was accepted")

// A usageError is wrong usage; trying again without a change is of no use.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// streams are a command's standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}
