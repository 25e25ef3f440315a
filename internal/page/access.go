package page

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/outbox"
	"sluice/internal/token"
)

// A tokenList is the page of tokens.
type tokenList struct {
	All     []token.Token
	Scopes  []string
	Senders []string
	Own     string // the id of who looks
	Made    string // a token that was just made, which is shown this once
	Wrong   string
	Name    string
}

// tokens lists them, without their secrets.
func (s *Server) tokens(c *call) error { return s.showTokens(c, &tokenList{}, http.StatusOK) }

func (s *Server) showTokens(c *call, v *tokenList, code int) error {
	var err error
	if v.All, err = s.tokensSeen(c); err != nil {
		return err
	}
	if v.Senders, err = s.senderNames(c); err != nil {
		return err
	}
	v.Scopes, v.Own = token.Scopes, c.token.ID
	return s.show(c, sheet{Name: "tokens", Title: c.words.say("nav.tokens"), Section: "access", Here: "tokens", Status: code, Data: v})
}

// tokensSeen are the tokens that are there for this one.
func (s *Server) tokensSeen(c *call) ([]token.Token, error) {
	all, err := s.Tokens.List(c.ctx)
	return slices.DeleteFunc(all, func(t token.Token) bool { return !c.token.Sees(&t) }), err
}

// mostDays is how long a token is good at most, where it is not for ever.
const mostDays = 3650

// makeToken makes one, which may no more than the one who makes it where senders and
// networks are concerned.
func (s *Server) makeToken(c *call) error {
	v := &tokenList{Name: c.form("name")}
	days, err := strconv.Atoi(c.form("days"))
	if c.form("days") == "" {
		days, err = 0, nil
	}
	o := token.Order{Name: v.Name, Scopes: c.r.PostForm["scope"], Senders: c.r.PostForm["sender"], Allow: c.token.Allow, For: time.Duration(days) * 24 * time.Hour}
	if len(o.Senders) == 0 {
		o.Senders = c.token.Senders
	}
	switch {
	case err != nil || days < 0 || days > mostDays:
		v.Wrong = c.words.say("token.days.wrong", mostDays)
	case o.Name == "":
		v.Wrong = c.words.say("token.no_name")
	case len(o.Scopes) == 0:
		v.Wrong = c.words.say("token.no_scope")
	case slices.ContainsFunc(o.Senders, func(name string) bool { return !c.token.Knows(name) }):
		return errNowhere
	}
	if v.Wrong != "" {
		return s.showTokens(c, v, http.StatusUnprocessableEntity)
	}
	text, _, err := c.desk.CreateToken(c.ctx, o)
	if err != nil {
		if away(err) {
			return err
		}
		v.Wrong = err.Error()
		return s.showTokens(c, v, http.StatusUnprocessableEntity)
	}
	v.Made, v.Name = text, ""
	return s.showTokens(c, v, http.StatusOK)
}

// revokeToken ends one.
func (s *Server) revokeToken(c *call) error {
	all, err := s.tokensSeen(c)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(t token.Token) bool { return t.ID == c.form("id") }) {
		return errNowhere
	}
	if _, err := c.desk.RevokeToken(c.ctx, c.form("id")); err != nil {
		return err
	}
	return c.goTo(said("/tokens", "revoked"))
}

// A callbackList is the page of the endpoints that are told of campaigns.
type callbackList struct {
	All     []outbox.Endpoint
	Senders []string
	Made    string // the secret of one that was just made, which is shown this once
	MadeOf  string
	Wrong   string
	Name    string
	URL     string
	Pinged  string // what came of telling one something
	Fine    bool
}

func (s *Server) callbacks(c *call) error { return s.showCallbacks(c, &callbackList{}, http.StatusOK) }

func (s *Server) showCallbacks(c *call, v *callbackList, code int) error {
	all, err := s.Outbox.List(c.ctx)
	if err != nil {
		return err
	}
	v.All = slices.DeleteFunc(all, func(e outbox.Endpoint) bool { return !c.hears(&e) })
	if v.Senders, err = s.senderNames(c); err != nil {
		return err
	}
	return s.show(c, sheet{Name: "callbacks", Title: c.words.say("nav.callbacks"), Section: "access", Here: "callbacks", Status: code, Data: v})
}

// hears says whether an endpoint is there for the token: it hears of no sender that the
// token does not know.
func (c *call) hears(e *outbox.Endpoint) bool {
	if len(c.token.Senders) == 0 {
		return true
	}
	return len(e.Senders) > 0 && !slices.ContainsFunc(e.Senders, func(name string) bool { return !c.token.Knows(name) })
}

var endpointName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// maxURL is how long an endpoint's URL may be.
const maxURL = 2000

// makeCallback makes an endpoint.
func (s *Server) makeCallback(c *call) error {
	v := &callbackList{Name: c.form("name"), URL: c.form("url")}
	e := outbox.Endpoint{Name: v.Name, URL: v.URL, Senders: c.r.PostForm["sender"]}
	if len(e.Senders) == 0 {
		e.Senders = c.token.Senders
	}
	u, err := url.Parse(v.URL)
	switch {
	case !endpointName.MatchString(v.Name):
		v.Wrong = c.words.say("callback.name.wrong")
	case err != nil || len(v.URL) > maxURL || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !s.PlainCallbacks):
		v.Wrong = c.words.say("callback.url.wrong")
	case !c.hears(&e):
		return errNowhere
	}
	if v.Wrong == "" {
		v.Made, err = c.desk.CreateEndpoint(c.ctx, e)
		if errors.Is(err, outbox.ErrExists) {
			v.Wrong = c.words.say("callback.exists")
		} else if err != nil {
			return err
		}
	}
	if v.Wrong != "" {
		return s.showCallbacks(c, v, http.StatusUnprocessableEntity)
	}
	v.MadeOf, v.Name, v.URL = v.Name, "", ""
	return s.showCallbacks(c, v, http.StatusOK)
}

// callback does something with an endpoint.
func (s *Server) callback(c *call) error {
	e, err := s.Outbox.Get(c.ctx, c.form("name"))
	if err == nil && !c.hears(e) {
		err = outbox.ErrNotFound
	}
	if err != nil {
		return err
	}
	v := &callbackList{}
	switch c.form("do") {
	case "ping":
		code, err := s.Ping(c.ctx, e.Name)
		v.Fine = err == nil && code/100 == 2
		v.Pinged = c.words.say("callback.pinged", e.Name, strconv.Itoa(code))
		if err != nil {
			v.Pinged = c.words.say("callback.not_reached", e.Name)
		}
	case "rotate":
		if v.Made, err = c.desk.RotateEndpoint(c.ctx, e.Name); err != nil {
			return err
		}
		v.MadeOf = e.Name
	case "redeliver":
		if _, err := c.desk.Redeliver(c.ctx, e.Name); err != nil {
			return err
		}
		return c.goTo(said("/callbacks", "redelivered"))
	case "delete":
		if strings.TrimSpace(c.form("typed")) != e.Name {
			v.Wrong = c.words.say("callback.typed.wrong", e.Name)
			return s.showCallbacks(c, v, http.StatusUnprocessableEntity)
		}
		if err := c.desk.DeleteEndpoint(c.ctx, e.Name); err != nil {
			return err
		}
		return c.goTo(said("/callbacks", "endpoint-deleted"))
	default:
		return errNowhere
	}
	return s.showCallbacks(c, v, http.StatusOK)
}
