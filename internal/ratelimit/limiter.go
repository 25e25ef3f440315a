package ratelimit

import (
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// Options are what a Limiter works with.
type Options struct {
	Worker string         // unique among all workers
	Log    zerolog.Logger // told when the pace changes
}

// A Limiter is this worker's end of the shared pace.
type Limiter struct {
	rdb redis.UniversalClient
	o   Options
}

// New makes a Limiter on rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient, o Options) *Limiter {
	return &Limiter{rdb: rdb, o: o}
}

// Sender joins the workers of a sender, until Close.
func (l *Limiter) Sender(name string, lim Limits) *Sender {
	s := newSender(l, name, lim, redisStore{l.rdb, name})
	s.running.Go(s.run)
	return s
}
