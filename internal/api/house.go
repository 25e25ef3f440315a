package api

import (
	"net/http"
	"slices"
	"time"

	"sluice/internal/desk"
	"sluice/internal/token"
)

// healthz says that the process answers.
func (s *Server) healthz(c *call) error {
	return c.answer(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether requests can be answered.
func (s *Server) readyz(c *call) error {
	if s.Ready != nil && s.Ready(c.ctx) != nil {
		return later(refusal(http.StatusServiceUnavailable, "unavailable", "Redis does not answer"), 2)
	}
	return c.answer(http.StatusOK, map[string]string{"status": "ok"})
}

// workers lists the workers that are alive. A token that is bound to senders sees of
// each what is of those.
func (s *Server) workers(c *call) error {
	alive, last, err := c.desk.Workers(c.ctx)
	if err != nil {
		return err
	}
	views := []desk.Worker{}
	for _, w := range alive {
		w.Senders = slices.DeleteFunc(slices.Clone(w.Senders), func(name string) bool { return !c.token.Knows(name) })
		if len(c.token.Senders) > 0 {
			w.Campaigns = []string{}
		}
		if w.Senders == nil {
			w.Senders = []string{}
		}
		views = append(views, w)
	}
	return c.answer(http.StatusOK, map[string]any{"workers": views, "last_beat": orNull(last)})
}

// senders lists the senders that the token may use, with their limits.
func (s *Server) senders(c *call) error {
	names, err := s.Senders()
	if err != nil {
		return err
	}
	views := []*desk.SenderState{}
	for _, name := range names {
		if !c.token.Knows(name) {
			continue
		}
		v, err := c.desk.SenderState(c.ctx, name)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return c.answer(http.StatusOK, map[string]any{"senders": views})
}

// tokensSeen are the tokens that are there for the token of a call.
func (s *Server) tokensSeen(c *call) ([]token.Token, error) {
	all, err := s.Tokens.List(c.ctx)
	return slices.DeleteFunc(all, func(t token.Token) bool { return !c.token.Sees(&t) }), err
}

// tokens lists the tokens, without their secrets.
func (s *Server) tokens(c *call) error {
	all, err := s.tokensSeen(c)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]any{"tokens": all})
}

// createToken makes a token, and shows it this once.
func (s *Server) createToken(c *call) error {
	if c.r.Header.Get("Idempotency-Key") != "" {
		return refusal(http.StatusBadRequest, "bad-request", "no Idempotency-Key here: an answer that is kept would keep the token")
	}
	var o struct {
		Name    string   `json:"name"`
		Scopes  []string `json:"scopes"`
		Senders []string `json:"senders"`
		Allow   []string `json:"allow"`
		Days    int      `json:"days"`
	}
	if err := c.decode(&o); err != nil {
		return err
	}
	for _, name := range o.Senders {
		if !c.token.Knows(name) {
			return invalidAt("/senders", "there is no such sender for this token")
		}
	}
	if len(o.Senders) == 0 {
		o.Senders = c.token.Senders // nobody gives more than it has
	}
	if len(o.Allow) == 0 {
		o.Allow = c.token.Allow
	}
	if !c.token.Within(o.Allow) {
		return invalidAt("/allow", "networks that this token itself may be used from")
	}
	if o.Days < 0 || o.Days > 3650 {
		return invalidAt("/days", "0 to 3650; 0: for ever")
	}
	text, t, err := c.desk.CreateToken(c.ctx, token.Order{Name: o.Name, Scopes: o.Scopes, Senders: o.Senders, Allow: o.Allow, For: time.Duration(o.Days) * 24 * time.Hour})
	if err != nil {
		return err
	}
	return c.answer(http.StatusCreated, map[string]any{"token": text, "about": t})
}

// revokeToken ends a token.
func (s *Server) revokeToken(c *call) error {
	if len(c.token.Senders) > 0 {
		all, err := s.tokensSeen(c)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(t token.Token) bool { return t.ID == c.r.PathValue("id") }) {
			return refusal(http.StatusNotFound, "not-found", "there is no such token for this one")
		}
	}
	if _, err := c.desk.RevokeToken(c.ctx, c.r.PathValue("id")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
