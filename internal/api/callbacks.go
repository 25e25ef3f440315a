package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/outbox"
)

const (
	// maxURL is how long an endpoint's URL may be.
	maxURL = 2000
	// mostProgressPercent is how far two events of progress may be apart.
	mostProgressPercent = 50
)

var endpointName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// call reads where a campaign's moves are to be told.
func (c *composition) call(text []byte) error {
	var cb desk.Callback
	if err := strict(text, &cb); err != nil {
		return invalidAt("/callback", "has endpoint, events and progress_percent")
	}
	if !endpointName.MatchString(cb.Endpoint) {
		return invalidAt("/callback/endpoint", "needed, the name of an endpoint")
	}
	for i, e := range cb.Events {
		if !slices.Contains(campaign.Events, e) && e != campaign.EventProgress {
			return invalidAt(fmt.Sprintf("/callback/events/%d", i), "there is no such event")
		}
	}
	if len(cb.Events) == 0 {
		cb.Events = campaign.Events
	}
	if p := cb.ProgressPercent; p != 0 && (p < 1 || p > mostProgressPercent || !slices.Contains(cb.Events, campaign.EventProgress)) {
		return invalidAt("/callback/progress_percent", fmt.Sprintf("1 to %d, where progress is one of the events", mostProgressPercent))
	}
	kept, err := json.Marshal(cb)
	if err != nil {
		return err
	}
	c.callback, c.events, c.endpoint = kept, cb.Events, cb.Endpoint
	return nil
}

// hears refuses a callback to an endpoint that is not there for the campaign.
func (s *Server) hears(c *call, endpoint, sender string) error {
	if endpoint == "" {
		return nil
	}
	e, err := s.Outbox.Get(c.ctx, endpoint)
	if errors.Is(err, outbox.ErrNotFound) || err == nil && !e.Hears(sender) {
		return invalidAt("/callback/endpoint", "there is no such endpoint for this sender")
	}
	return err
}

// may says whether an endpoint is there for the token: it hears of no sender that the
// token does not know.
func (c *call) may(e *outbox.Endpoint) bool {
	if len(c.token.Senders) == 0 {
		return true
	}
	return len(e.Senders) > 0 && !slices.ContainsFunc(e.Senders, func(name string) bool { return !c.token.Knows(name) })
}

var errNoEndpoint = refusal(http.StatusNotFound, "not-found", "there is no endpoint of this name")

// endpoint is the one that the path names, if it is there for the token.
func (s *Server) endpoint(c *call) (*outbox.Endpoint, error) {
	e, err := s.Outbox.Get(c.ctx, c.r.PathValue("name"))
	if errors.Is(err, outbox.ErrNotFound) || err == nil && !c.may(e) {
		return nil, errNoEndpoint
	}
	return e, err
}

// callbacks lists the endpoints, with what was not delivered to each.
func (s *Server) callbacks(c *call) error {
	all, err := s.Outbox.List(c.ctx)
	if err != nil {
		return err
	}
	views := []outbox.Endpoint{}
	for _, e := range all {
		if c.may(&e) {
			views = append(views, e)
		}
	}
	return c.answer(http.StatusOK, map[string]any{"callbacks": views})
}

// createCallback makes an endpoint, and shows its secret this once.
func (s *Server) createCallback(c *call) error {
	if c.r.Header.Get("Idempotency-Key") != "" {
		return refusal(http.StatusBadRequest, "bad-request", "no Idempotency-Key here: an answer that is kept would keep the secret")
	}
	var o struct {
		Name    string   `json:"name"`
		URL     string   `json:"url"`
		Senders []string `json:"senders"`
	}
	if err := c.decode(&o); err != nil {
		return err
	}
	if !endpointName.MatchString(o.Name) {
		return invalidAt("/name", "needed, up to 40 of a-z, 0-9 and -")
	}
	u, err := url.Parse(o.URL)
	if err != nil || len(o.URL) > maxURL || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !s.PlainCallbacks) {
		return invalidAt("/url", "must be an https URL without user and fragment")
	}
	e := outbox.Endpoint{Name: o.Name, URL: o.URL, Senders: o.Senders}
	if len(e.Senders) == 0 {
		e.Senders = c.token.Senders
	}
	if !c.may(&e) {
		return invalidAt("/senders", "there is no such sender for this token")
	}
	secret, err := c.desk.CreateEndpoint(c.ctx, e)
	if errors.Is(err, outbox.ErrExists) {
		return refusal(http.StatusConflict, "callback-exists", "delete it first, or choose another name")
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusCreated, map[string]string{"name": o.Name, "secret": secret})
}

// deleteCallback ends an endpoint.
func (s *Server) deleteCallback(c *call) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	if err := c.desk.DeleteEndpoint(c.ctx, e.Name); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// rotateCallback gives an endpoint another secret.
func (s *Server) rotateCallback(c *call) error {
	if c.r.Header.Get("Idempotency-Key") != "" {
		return refusal(http.StatusBadRequest, "bad-request", "no Idempotency-Key here: an answer that is kept would keep the secret")
	}
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	secret, err := c.desk.RotateEndpoint(c.ctx, e.Name)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]string{"name": e.Name, "secret": secret})
}

// redeliver has all be told again that was given up.
func (s *Server) redeliver(c *call) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	n, err := c.desk.Redeliver(c.ctx, e.Name)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]int{"events": n})
}

// ping tells an endpoint something, to see that it answers.
func (s *Server) ping(c *call) error {
	e, err := s.endpoint(c)
	if err != nil {
		return err
	}
	status, err := s.Ping(c.ctx, e.Name)
	answer := map[string]any{"status": status, "delivered": err == nil && status >= 200 && status < 300}
	return c.answer(http.StatusOK, answer)
}
