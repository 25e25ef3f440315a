package jobs

import (
	"cmp"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"
)

// retryBroken is how long a campaign that cannot be sent here is left alone.
const retryBroken = 10 * time.Second

// A server is one campaign's asynq server in this worker, with its end.
type server struct {
	sending *sending
	asynq   *asynq.Server
	stopped bool
	gone    chan struct{} // closed when the server has stopped
}

// startServer starts to take batches from the campaign's queue.
func startServer(w *Worker, s *sending) (*server, error) {
	srv := asynq.NewServerFromRedisClient(w.Redis, asynq.Config{
		Queues:      map[string]int{s.id: 1},
		Concurrency: w.Batches,
		// Longer than a submission can take: a task that is pushed back while its
		// handler runs would be run by two workers at once.
		ShutdownTimeout:          cmp.Or(s.account.StopWithin, 40*time.Second),
		RetryDelayFunc:           retryDelay,
		IsFailure:                isFailure,
		TaskCheckInterval:        200 * time.Millisecond,
		DelayedTaskCheckInterval: time.Second,
		Logger:                   asynqLog{w.Log.With().Str("campaign", s.id).Logger()},
		LogLevel:                 asynq.WarnLevel,
	})
	if err := srv.Start(s); err != nil {
		return nil, fmt.Errorf("starting the queue of %s: %w", s.id, err)
	}
	go s.recheck(w.PreflightEvery)
	return &server{sending: s, asynq: srv, gone: make(chan struct{})}, nil
}

// brokenServer stands for a campaign that cannot be sent here, until it is worth
// another try.
func brokenServer() *server {
	s := &server{gone: make(chan struct{}), stopped: true}
	time.AfterFunc(retryBroken, func() { close(s.gone) })
	return s
}

// stopSoon has the server stop without waiting for it.
func (s *server) stopSoon() {
	if s.stopped {
		return
	}
	s.stopped = true
	s.sending.stop()
	go func() {
		defer close(s.gone)
		s.asynq.Shutdown()
		s.sending.taken.Wait()
	}()
}

// sendingStopped says that the campaign stopped here by itself, as by a halt.
func (s *server) sendingStopped() bool {
	return s.sending != nil && s.sending.stopped.Err() != nil
}

// outdated says that the sender's settings have changed since the start.
func (s *server) outdated() bool {
	return s.sending != nil && s.sending.account.outdated.Load()
}

// ended says that the server has stopped.
func (s *server) ended() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// wait waits until a server that was told to stop has stopped.
func (s *server) wait() {
	if s.asynq != nil {
		<-s.gone
	}
}

// asynqLog passes asynq's own words on. They name tasks and queues, never a
// recipient.
type asynqLog struct{ log zerolog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error().Msg(fmt.Sprint(args...)) }
