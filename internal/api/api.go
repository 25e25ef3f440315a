// Package api answers programs over HTTP. It is thin over the desk: a request is
// read within bounds and held against its token, an order of the desk is given, and
// its answer or its error is written. It holds nothing that Redis does not, so that
// any number of processes serve side by side and any may be killed; what was
// answered with success is kept. No phone number stands in a path, an error or a
// log line.
package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"sluice/internal/desk"
	"sluice/internal/events"
	"sluice/internal/idempotency"
	"sluice/internal/outbox"
	"sluice/internal/sender"
	"sluice/internal/token"
)

// Bounds of what one process takes.
const (
	// MaxHeaderBytes is of a request's header; it is the server's to hold.
	MaxHeaderBytes = 16 << 10
	// ReadHeaderTimeout is how long a header may take.
	ReadHeaderTimeout = 5 * time.Second

	maxBody       = 8 << 20 // of all but a part
	perSecond     = 50      // requests of one token
	testsAMinute  = 10      // of one token, for each sends a message
	uploadsAtOnce = 8
	stallAfter    = 30 * time.Second // of a stream that does not move on
)

// Options are what a Server works with. All but Log, Launched and Ready are needed.
type Options struct {
	Desk        *desk.Desk
	Tokens      *token.Store
	Idempotency *idempotency.Store
	Outbox      *outbox.Store
	// Events are what is streamed; it runs as long as the Server.
	Events *events.Hub
	// Ping tells an endpoint something now, and returns the status of its answer.
	Ping func(ctx context.Context, endpoint string) (int, error)
	// PlainCallbacks lets endpoints be without TLS.
	PlainCallbacks bool
	Now            func() time.Time
	Log            zerolog.Logger
	// Senders are the names of the senders that there are.
	Senders func() ([]string, error)
	// Templates are those of a sender's account; asked is false where there is no way to
	// ask. It may be nil.
	Templates func(ctx context.Context, sender string) (all []sender.ListedTemplate, asked bool, err error)
	// Ready says whether requests can be answered.
	Ready func(context.Context) error
	// Launched is told that an import is due.
	Launched func()
}

// A Server answers requests. It is safe for use by many goroutines.
type Server struct {
	Options
	mux     *http.ServeMux
	uploads chan struct{}

	mu     sync.Mutex
	limits map[string]*limit // by the token's id
}

// A limit is what one token has asked lately.
type limit struct {
	rate    *rate.Limiter
	tests   *rate.Limiter // of the messages that were sent to try something out
	touched time.Time     // when its use was noted
	checked time.Time     // when its streams last asked whether it is still one
	over    bool          // it is none any more
}

// New makes a Server.
func New(o Options) *Server {
	s := &Server{Options: o, mux: http.NewServeMux(), uploads: make(chan struct{}, uploadsAtOnce), limits: map[string]*limit{}}
	if s.Launched == nil {
		s.Launched = func() {}
	}
	for _, r := range s.routes() {
		s.mux.Handle(r.pattern, s.serve(r))
	}
	return s
}

// limit is what a token has asked.
func (s *Server) limit(id string) *limit {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limits[id]
	if l == nil {
		l = &limit{rate: rate.NewLimiter(perSecond, perSecond), tests: rate.NewLimiter(rate.Every(time.Minute/testsAMinute), testsAMinute)}
		s.limits[id] = l
	}
	return l
}

// touch notes by the minute that a token is used.
func (s *Server) touch(ctx context.Context, id string, l *limit) {
	now := s.Now()
	s.mu.Lock()
	due := now.Sub(l.touched) >= time.Minute
	if due {
		l.touched = now
	}
	s.mu.Unlock()
	if due {
		if err := s.Tokens.Touch(ctx, id); err != nil {
			s.Log.Warn().Err(err).Str("token", id).Msg("could not note the use of a token")
		}
	}
}
