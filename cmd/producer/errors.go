package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/desk"
)

// wantsJSON says that a command is to answer in JSON, whether or not its usage is
// right.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// printError says why a command failed, as a line for a person, or as one JSON
// object for a program. That not everybody was accepted the account says.
func printError(w io.Writer, err error, asJSON bool) {
	switch {
	case err == nil, errors.Is(err, errNotAllAccepted):
	case asJSON:
		// Whether standard error can be written to is nobody's to be told.
		_ = printJSON(w, failure{failureOf(err)})
	default:
		fmt.Fprintln(shown(w), "producer:", err)
	}
}

// A failure is what `--json` prints of an error, on standard error.
type failure struct {
	Error failed `json:"error"`
}

// A failed says what went wrong.
type failed struct {
	Kind    string `json:"kind"` // one of those that docs/cli.md has
	Message string `json:"message"`
	Exit    int    `json:"exit"`
}

func failureOf(err error) failed {
	return failed{Kind: kindOf(err), Message: err.Error(), Exit: exitCode(err)}
}

// kindOf is what a program branches on.
func kindOf(err error) string {
	var usage *usageError
	var invalid *desk.InvalidError
	var settings *campaign.SettingsError
	switch {
	case errors.Is(err, campaign.ErrOtherCampaign), errors.As(err, &settings):
		return "exists"
	case errors.Is(err, campaign.ErrNotFound):
		return "not_found"
	case errors.Is(err, campaign.ErrNotAllowed):
		return "not_allowed"
	case errors.Is(err, desk.ErrExpired):
		return "expired"
	case errors.Is(err, desk.ErrNotAsked):
		return "provider"
	case errors.Is(err, errHalted):
		return "halted"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, config.ErrRedis):
		return "redis"
	case errors.As(err, &usage):
		return "usage"
	case errors.As(err, &invalid):
		return "invalid"
	}
	return "failed"
}

// errHalted says that a campaign that was waited for has halted.
var errHalted = errors.New("halted")
