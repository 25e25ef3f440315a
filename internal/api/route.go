package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"sluice/internal/audit"
	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/token"
)

// A route is one operation. Scope is what a token needs for it; empty: no token.
type route struct {
	pattern string
	scope   string
	handle  func(*call) error
}

// routes are all there are.
func (s *Server) routes() []route {
	return []route{
		{"GET /healthz", "", s.healthz},
		{"GET /readyz", "", s.readyz},
		{"GET /openapi.json", "", s.openAPI},
		{"GET /problems/{slug}", "", s.problem},

		{"POST /v1/campaigns", token.Write, s.create},
		{"GET /v1/campaigns", token.Read, s.list},
		{"GET /v1/campaigns/{id}", token.Read, s.show},
		{"PUT /v1/campaigns/{id}", token.Write, s.replace},
		{"PATCH /v1/campaigns/{id}", token.Write, s.set},
		{"DELETE /v1/campaigns/{id}", token.Write, s.discard},
		{"PUT /v1/campaigns/{id}/parts/{n}", token.Write, s.putPart},
		{"GET /v1/campaigns/{id}/parts", token.Write, s.listParts},
		{"DELETE /v1/campaigns/{id}/parts/{n}", token.Write, s.deletePart},
		{"GET /v1/campaigns/{id}/plan", token.Write, s.plan},
		{"GET /v1/campaigns/{id}/preview", token.PII, s.preview},
		{"POST /v1/campaigns/{id}/test", token.Send, s.test},
		{"POST /v1/campaigns/{id}/launch", token.Send, s.launch},
		{"POST /v1/campaigns/{id}/pause", token.Send, s.pause},
		{"POST /v1/campaigns/{id}/resume", token.Send, s.resume},
		{"POST /v1/campaigns/{id}/cancel", token.Send, s.cancel},
		{"POST /v1/campaigns/{id}/amend", token.Send, s.amend},
		{"POST /v1/campaigns/{id}/resolve", token.Send, s.resolve},
		{"GET /v1/campaigns/{id}/recipients", token.PII, s.recipients},
		{"GET /v1/campaigns/{id}/funnel", token.Read, s.funnel},
		{"GET /v1/campaigns/{id}/series", token.Read, s.series},
		{"GET /v1/campaigns/{id}/events", token.Read, s.events},
		{"GET /v1/events", token.Read, s.allEvents},

		{"POST /v1/numbers/lookup", token.PII, s.lookup},
		{"GET /v1/suppressions", token.Suppress, s.suppressions},
		{"POST /v1/suppressions", token.Suppress, s.suppress},
		{"POST /v1/suppressions/remove", token.Suppress, s.unsuppress},
		{"POST /v1/suppressions/lookup", token.Suppress, s.suppressed},
		{"POST /v1/suppressions/import", token.Suppress, s.importSuppressions},
		{"GET /v1/workers", token.Read, s.workers},
		{"GET /v1/senders", token.Read, s.senders},
		{"GET /v1/senders/{name}/templates", token.Read, s.templates},
		{"GET /v1/callbacks", token.Write, s.callbacks},
		{"POST /v1/callbacks", token.Write, s.createCallback},
		{"DELETE /v1/callbacks/{name}", token.Write, s.deleteCallback},
		{"POST /v1/callbacks/{name}/rotate", token.Write, s.rotateCallback},
		{"POST /v1/callbacks/{name}/redeliver", token.Write, s.redeliver},
		{"POST /v1/callbacks/{name}/ping", token.Write, s.ping},
		{"GET /v1/tokens", token.Admin, s.tokens},
		{"POST /v1/tokens", token.Admin, s.createToken},
		{"DELETE /v1/tokens/{id}", token.Admin, s.revokeToken},
		{"GET /v1/audit", token.Admin, s.audit},
	}
}

// A call is one request with who asks.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context
	id    string
	token *token.Token
	desk  *desk.Desk
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := s.mux.Handler(r)
	if pattern == "" { // no such route, or not by this method: its words are the mux's
		said := &discard{header: http.Header{}}
		h.ServeHTTP(said, r)
		if allow := said.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
		}
		if at := said.header.Get("Location"); at != "" { // a path that is not clean
			said.status = http.StatusNotFound
		}
		(&patient{readCloser: r.Body, control: http.NewResponseController(w)}).leave()
		s.refuse(&call{w: w, r: r, id: requestID()}, problemOfStatus(said.status), pattern)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// A discard keeps the status alone of what is written to it.
type discard struct {
	header http.Header
	status int
}

// Header is for the handler.
func (d *discard) Header() http.Header { return d.header }

// Write drops what it gets.
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader keeps the status.
func (d *discard) WriteHeader(status int) { d.status = status }

// serve is a route with what goes before and after each.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		c := &call{w: &counting{ResponseWriter: w}, r: r, ctx: r.Context(), id: requestID(), desk: s.Desk}
		w.Header().Set("X-Request-Id", c.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		err := s.try(rt, c)
		if err != nil {
			s.refuse(c, problemOf(err), rt.pattern)
		}
		event := s.Log.Debug()
		if rt.scope != "" {
			event = s.Log.Info()
		}
		if c.token != nil {
			event = event.Str("token", c.token.ID)
		}
		event.Str("request", c.id).Str("route", rt.pattern).Int("status", c.status()).Dur("took", s.Now().Sub(began)).Msg("answered")
	})
}

// errPanic hides what a panic says, which may be anything.
var errPanic = errors.New("a panic")

func (s *Server) try(rt route, c *call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.Log.Error().Str("request", c.id).Str("route", rt.pattern).Stack().Msg("a panic; please report it")
			err = errPanic
		}
	}()
	// Each read of the body has its time, and the answer too.
	body := &patient{readCloser: c.r.Body, control: http.NewResponseController(c.w)}
	c.r.Body = body
	defer body.leave()
	if rt.scope == "" {
		return rt.handle(c)
	}
	if err := s.enter(c, rt.scope); err != nil {
		return err
	}
	if key := c.r.Header.Get("Idempotency-Key"); key != "" && c.r.Method == http.MethodPost {
		return s.once(rt, c, key)
	}
	return rt.handle(c)
}

// enter holds a request against its token.
func (s *Server) enter(c *call, scope string) error {
	text := c.bearer()
	if text == "" {
		return refusal(http.StatusUnauthorized, "unauthorized", "a token is needed: Authorization: Bearer ...")
	}
	t, err := s.Tokens.Check(c.ctx, text)
	if errors.Is(err, token.ErrUnknown) {
		return refusal(http.StatusUnauthorized, "unauthorized", "the token is none, was revoked, or is over")
	}
	if err != nil {
		return err
	}
	c.token, c.desk = t, s.Desk.As(audit.Actor{Kind: "token", Name: t.Name, Token: t.ID, Address: c.r.RemoteAddr, Request: c.id})
	l := s.limit(t.ID)
	if !l.rate.AllowN(s.Now(), 1) {
		p := refusal(http.StatusTooManyRequests, "too-many-requests", "this token asks more than 50 times a second")
		p.RetryAfter = 1
		return p
	}
	s.touch(c.ctx, t.ID, l)
	if !t.From(c.r.RemoteAddr) {
		return refusal(http.StatusForbidden, "forbidden", "the token may not be used from this address")
	}
	if !t.May(scope) {
		return refusal(http.StatusForbidden, "forbidden", "the token has not the scope "+scope)
	}
	return nil
}

// bearer is the token's text; "" where there is none.
func (c *call) bearer() string {
	text, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(text)
}

// record is the campaign that the path names, if it is there for the token.
func (c *call) record() (*campaign.Record, error) {
	id := c.r.PathValue("id")
	if err := campaign.CheckID(id); err != nil {
		return nil, errNoCampaign
	}
	rec, err := c.desk.Record(c.ctx, id)
	if errors.Is(err, campaign.ErrNotFound) || err == nil && !c.token.Knows(rec.Sender) {
		return nil, errNoCampaign
	}
	return rec, err
}

func requestID() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails, by its contract
	return hex.EncodeToString(b)
}
