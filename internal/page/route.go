package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"sluice/internal/audit"
	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/session"
	"sluice/internal/token"
)

// A route is one page or one act. Scope is what a token needs for it; empty: nobody
// needs to be signed in.
type route struct {
	pattern string
	scope   string
	handle  func(*call) error
}

// routes are all there are.
func (s *Server) routes() []route {
	return []route{
		{"GET /sign-in", "", s.signInPage},
		{"POST /sign-in", "", s.signIn},
		{"POST /sign-out", "", s.signOut},
		{"POST /language", "", s.setLanguage},

		{"GET /{$}", token.Read, s.live(s.campaigns)},
		{"GET /campaigns/{id}", token.Read, s.live(s.campaign)},
		{"GET /campaigns/{id}/do/{act}", token.Send, s.askAct},
		{"POST /campaigns/{id}/do/{act}", token.Send, s.act},
		{"GET /campaigns/{id}/settings", token.Send, s.settings},
		{"POST /campaigns/{id}/settings", token.Send, s.set},
		{"GET /campaigns/{id}/amend", token.Send, s.amendPage},
		{"POST /campaigns/{id}/amend", token.Send, s.amend},
		{"GET /campaigns/{id}/doubts", token.Read, s.doubts},
		{"POST /campaigns/{id}/doubts", token.Send, s.decide},
		{"GET /campaigns/{id}/export", token.PII, s.exported},

		{"GET /new", token.Write, s.newCampaign},
		{"POST /new", token.Write, s.upload},
		{"POST /campaigns/{id}/list", token.Write, s.relist},
		{"GET /campaigns/{id}/columns", token.Write, s.columns},
		{"POST /campaigns/{id}/columns", token.Write, s.setColumns},
		{"GET /campaigns/{id}/message", token.Write, s.message},
		{"POST /campaigns/{id}/message", token.Write, s.setMessage},
		{"GET /campaigns/{id}/when", token.Write, s.when},
		{"POST /campaigns/{id}/when", token.Write, s.setWhen},
		{"GET /campaigns/{id}/check", token.Write, s.check},
		{"POST /campaigns/{id}/test", token.Send, s.test},
		{"GET /campaigns/{id}/launch", token.Send, s.launchPage},
		{"POST /campaigns/{id}/launch", token.Send, s.launch},

		{"GET /numbers", token.PII, s.numberPage},
		{"POST /numbers", token.PII, s.number},
		{"GET /suppressions", token.Suppress, s.suppressions},
		{"POST /suppressions", token.Suppress, s.suppress},
		{"GET /suppressions/file", token.Suppress, s.suppressedFile},

		{"GET /senders", token.Read, s.live(s.senders)},
		{"GET /workers", token.Read, s.live(s.workers)},
		{"GET /templates", token.Read, s.templates},
		{QueuePath + "/", token.Read, s.queue},

		{"GET /access", token.Read, s.access},
		{"GET /callbacks", token.Write, s.callbacks},
		{"POST /callbacks", token.Write, s.makeCallback},
		{"POST /callbacks/do", token.Write, s.callback},
		{"GET /tokens", token.Admin, s.tokens},
		{"POST /tokens", token.Admin, s.makeToken},
		{"POST /tokens/revoke", token.Admin, s.revokeToken},
		{"GET /audit", token.Admin, s.history},
	}
}

// A call is one request with who asks.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context
	words *language
	token *token.Token // nil: nobody is signed in
	desk  *desk.Desk
}

// serve is a route with what goes before and after each.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		c := s.call(w, r)
		err := s.try(rt, c)
		if err != nil {
			s.refuse(c, err)
		}
		event := s.Log.Debug().Str("route", rt.pattern).Dur("took", s.Now().Sub(began)).Bool("refused", err != nil)
		if c.token != nil {
			event = event.Str("token", c.token.ID)
		}
		event.Msg("the page answered")
	})
}

func (s *Server) call(w http.ResponseWriter, r *http.Request) *call {
	return &call{w: w, r: r, ctx: r.Context(), words: s.languageOf(r), desk: s.Desk}
}

// errSignIn sends a browser to where it can sign in.
var errSignIn = errors.New("nobody is signed in")

// errPanic hides what a panic says, which may be anything.
var errPanic = errors.New("a panic")

func (s *Server) try(rt route, c *call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.Log.Error().Str("route", rt.pattern).Stack().Msg("a panic; please report it")
			err = errPanic
		}
	}()
	if err := s.enter(c); err != nil {
		return err
	}
	switch {
	case rt.scope == "":
	case c.token == nil:
		return errSignIn
	case !c.token.May(rt.scope):
		return forbidden(rt.scope)
	}
	if rt.scope != "" && strings.HasPrefix(rt.pattern, http.MethodPost+" ") {
		return s.onceOf(c, rt.handle)
	}
	return rt.handle(c)
}

// enter finds who asks, if somebody is signed in.
func (s *Server) enter(c *call) error {
	secret := c.secret()
	if secret == "" {
		return nil
	}
	t, err := s.Sessions.Find(c.ctx, secret)
	if errors.Is(err, session.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.May(token.Read) && t.From(c.r.RemoteAddr) {
		c.as(t, s.Desk)
	}
	return nil
}

// as has what the call does be done by a token.
func (c *call) as(t *token.Token, d *desk.Desk) {
	c.token, c.desk = t, d.As(audit.Actor{Kind: "page", Name: t.Name, Token: t.ID, Address: c.r.RemoteAddr})
}

// record is the campaign that the path names, if it is there for the token.
func (c *call) record() (*campaign.Record, error) {
	id := c.r.PathValue("id")
	if campaign.CheckID(id) != nil {
		return nil, errNoCampaign
	}
	rec, err := c.desk.Record(c.ctx, id)
	if errors.Is(err, campaign.ErrNotFound) || err == nil && !c.token.Knows(rec.Sender) {
		return nil, errNoCampaign
	}
	return rec, err
}

// goTo sends the browser on, by GET.
func (c *call) goTo(path string) error {
	http.Redirect(c.w, c.r, path, http.StatusSeeOther) //nolint:gosec // what comes from outside goes through local
	return nil
}

// said is a path whose page says first what was done.
func said(path, what string) string { return path + "?" + url.Values{"said": {what}}.Encode() }

// local is a path of this server's, whatever somebody has put into a link.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// nowhere is any other path.
func (s *Server) nowhere(w http.ResponseWriter, r *http.Request) {
	c := s.call(w, r)
	err := s.enter(c)
	if err == nil {
		err = errNowhere
	}
	s.refuse(c, err)
}

// foreign refuses a change that another site's page asks for.
func (s *Server) foreign(w http.ResponseWriter, r *http.Request) {
	s.refuse(s.call(w, r), errForeign)
}
