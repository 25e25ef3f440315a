package main

import (
	"context"
	"errors"

	"sluice/internal/program"
)

type healthcheckCommand struct {
	MetricsAddr string `help:"Where it serves its health." env:"SLUICE_METRICS_ADDR" default:"" placeholder:"ADDR"`
}

// Run asks a `producer serve` for its health.
func (c *healthcheckCommand) Run(a *app) error {
	err := program.AskReady(a.ctx, c.MetricsAddr)
	if usage := (*program.UsageError)(nil); errors.As(err, &usage) {
		return &usageError{err}
	}
	return err
}

// ready says whether requests can be answered.
func (a *app) ready(ctx context.Context) error {
	if a.redis.Ping(ctx).Err() != nil {
		return errors.New("redis does not answer")
	}
	return nil
}
