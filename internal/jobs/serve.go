package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"sluice/internal/faultpoint"
)

// A Handler runs one batch and returns what the queue's web UI shows of it, "" if
// it did not run. It may be called twice for a batch, and twice at once. An error with a method
// Delay() time.Duration is no failure: the batch runs again after that time.
type Handler func(ctx context.Context, ref Reference) (result string, err error)

// pollEvery is how often, on average, a server asks for another batch that has a
// place for one. It asks at once when it starts, and when a batch has ended.
const pollEvery = 500 * time.Millisecond

// A Server takes batches from one campaign's queue.
type Server struct{ asynq *asynq.Server }

// ServeOptions are how a campaign's queue is worked on.
type ServeOptions struct {
	Batches int // batches that run at once
	// StopWithin is how long Shutdown waits for handlers. It must be longer than a
	// handler takes to stop: a task that is pushed back while its handler runs would
	// be run by two workers at once.
	StopWithin time.Duration
	Log        zerolog.Logger
	// More says that another server works on this queue here already: it was looked
	// through then, which lists every task that it holds.
	More bool
	// Foreign is called where a task of another application turns up in the queue. It
	// goes back there, and is not ours to run.
	Foreign func()
}

// Serve starts to take batches from a campaign's queue. A queue that holds tasks of
// another application is refused with ErrForeign; one that comes later is met by the
// server that gets it.
func (q *Queue) Serve(campaign string, o ServeOptions, h Handler) (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if !o.More {
		if err := q.CheckForeign(ctx, campaign); err != nil {
			return nil, err
		}
	}
	srv := asynq.NewServerFromRedisClient(q.rdb, asynq.Config{
		Queues:                   map[string]int{q.Name(campaign): 1},
		Concurrency:              o.Batches,
		ShutdownTimeout:          o.StopWithin,
		RetryDelayFunc:           retryDelay,
		IsFailure:                isFailure,
		TaskCheckInterval:        pollEvery,
		DelayedTaskCheckInterval: time.Second,
		Logger:                   asynqLog{o.Log},
		LogLevel:                 asynq.WarnLevel,
	})
	if err := srv.Start(&taskHandler{run: h, o: o}); err != nil {
		return nil, fmt.Errorf("starting the queue of %s: %w", campaign, err)
	}
	return &Server{asynq: srv}, nil
}

// Shutdown takes no more batches and waits for those that run.
func (s *Server) Shutdown() { s.asynq.Shutdown() }

// A taskHandler is what asynq is given to run tasks.
type taskHandler struct {
	run Handler
	o   ServeOptions
}

// ProcessTask runs one task, as asynq calls it.
func (h *taskHandler) ProcessTask(ctx context.Context, t *asynq.Task) error {
	if _, ours := batchOf(t.ResultWriter().TaskID()); !ours || t.Type() != taskType {
		h.o.Log.Error().Str("task", t.Type()).Msg("a task of another application is in this campaign's queue")
		h.o.Foreign()
		return foreignTask{}
	}
	ref, err := parseReference(t.Payload())
	if err != nil {
		return err
	}
	result, err := h.run(ctx, ref)
	if result != "" { // it did run
		show(t, result, h.o.Log)
		faultpoint.At(faultpoint.BeforeAck)
	}
	return err
}

// show has the queue's web UI show the result of a task.
func show(t *asynq.Task, result string, log zerolog.Logger) {
	if _, err := t.ResultWriter().Write([]byte(result)); err != nil {
		log.Debug().Err(err).Str("task", t.ResultWriter().TaskID()).Msg("task result not written")
	}
}

// A foreignTask goes back into its queue as it is, for as long as whoever put it
// there may need to take it away.
type foreignTask struct{}

func (foreignTask) Error() string        { return "not a task of Sluice" }
func (foreignTask) Delay() time.Duration { return time.Hour }

// A snooze is an error that tells when the batch is to run again.
type snooze interface {
	error
	Delay() time.Duration
}

// isFailure is asynq.Config.IsFailure.
func isFailure(err error) bool {
	var s snooze
	return !errors.As(err, &s)
}

// retryDelay is asynq.Config.RetryDelayFunc. An error that is no snooze comes
// from Redis or a broken batch; it is tried again soon and for ever, for a batch
// must not get lost.
func retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	var s snooze
	if errors.As(err, &s) {
		return s.Delay()
	}
	return min(time.Duration(n+1)*time.Second, 30*time.Second)
}

// asynqLog passes asynq's own words on. They name tasks and queues, never a
// recipient.
type asynqLog struct{ log zerolog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error().Msg(fmt.Sprint(args...)) }

// Error is quiet about what a Redis user of the recipe in docs/redis.md may not
// do and nobody here asks for: to hear of tasks that somebody cancels. asynq
// would tell of it every five seconds, for each campaign.
func (l asynqLog) Error(args ...any) {
	text := fmt.Sprint(args...)
	if strings.Contains(text, "cannot subscribe to cancelation channel") && strings.Contains(text, "NOPERM") {
		l.log.Debug().Msg(text)
		return
	}
	l.log.Error().Msg(text)
}
