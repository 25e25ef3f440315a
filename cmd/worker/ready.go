package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// ready says whether anything can be submitted.
func ready(rdb redis.UniversalClient) func(context.Context) error {
	return func(ctx context.Context) error {
		if rdb.Ping(ctx).Err() != nil {
			return errors.New("redis does not answer: nothing is submitted until it does")
		}
		return nil
	}
}
