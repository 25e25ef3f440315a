// Package page shows people their campaigns in a browser, and lets them act. It is thin
// over the desk: what is seen and done here is what command line and API see and do.
// Nothing is loaded from elsewhere, nothing works by a script alone but live figures
// and dropped files, and nobody sees or does more than their token may.
package page

import (
	"context"
	"embed"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/desk"
	"sluice/internal/idempotency"
	"sluice/internal/outbox"
	"sluice/internal/sender"
	"sluice/internal/session"
	"sluice/internal/token"
)

//go:embed words/*.json words/codes/*.json
var wordFiles embed.FS

//go:embed html/*.html
var htmlFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// Options are what a Server works with.
type Options struct {
	Desk     *desk.Desk
	Tokens   *token.Store
	Sessions *session.Store
	Outbox   *outbox.Store
	// Idempotency remembers which forms were carried out.
	Idempotency *idempotency.Store
	// Ping tells an endpoint something now, and returns the status of its answer.
	Ping func(ctx context.Context, endpoint string) (int, error)
	// PlainCallbacks lets endpoints be without TLS.
	PlainCallbacks bool
	Now            func() time.Time
	Log            zerolog.Logger
	// Senders are the names of the senders that there are.
	Senders func() ([]string, error)
	// Templates are those of a sender's account; asked is false where there is no way to
	// ask for them.
	Templates func(ctx context.Context, sender string) (all []sender.ListedTemplate, asked bool, err error)
	// Launched is told that an import is due.
	Launched func()
	// Queue is the web UI of the queue below QueuePath, where nothing can be changed if
	// readOnly; nil: there is none.
	Queue func(readOnly bool) http.Handler
}

// QueuePath is where the queue's web UI is.
const QueuePath = "/queue"

// A Server answers browsers. It is safe for use by many goroutines.
type Server struct {
	Options
	handler   http.Handler
	languages []*language
	assets    map[string]asset
	shared    *shared
	attempts  *attempts
	answers   *answers
	queues    map[bool]http.Handler // by whether they are read-only

	closing sync.Once
	closed  chan struct{}
}

// New makes a Server.
func New(o Options) (*Server, error) {
	s := &Server{Options: o, shared: newShared(o.Now), attempts: newAttempts(), answers: newAnswers(o.Now), closed: make(chan struct{}), queues: map[bool]http.Handler{}}
	if s.Launched == nil {
		s.Launched = func() {}
	}
	if s.Queue != nil {
		s.queues[true], s.queues[false] = s.Queue(true), s.Queue(false)
	}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.languages, err = loadLanguages(s.assets); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.pattern, s.serve(r))
	}
	mux.HandleFunc("GET /assets/{name}", s.asset)
	mux.HandleFunc("/", s.nowhere)
	changes := http.NewCrossOriginProtection()
	changes.SetDenyHandler(http.HandlerFunc(s.foreign))
	s.handler = changes.Handler(mux)
	return s, nil
}

// Close ends the streams of live figures, which would go on for ever.
func (s *Server) Close() { s.closing.Do(func() { close(s.closed) }) }

// policy lets a page load what is of this server alone, and run no script but its
// files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	s.handler.ServeHTTP(w, r)
}
