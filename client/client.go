// Package client runs campaigns over Sluice's HTTP API. Everything in it is safe to
// repeat, and it repeats by itself what did not get through: a campaign is created
// once, a part is kept once, and nothing is sent twice. It needs the standard
// library alone.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Client asks one server with one token. It is safe for use by many goroutines.
type Client struct {
	base  string
	token string
	http  *http.Client
	tries int
	wait  time.Duration // before the second try; twice as long before each other
}

// New makes a Client of a server such as http://127.0.0.1:8070.
func New(server, token string) *Client {
	return &Client{base: strings.TrimSuffix(server, "/"), token: token, http: &http.Client{}, tries: 6, wait: 200 * time.Millisecond}
}

// With is the same Client by another http.Client.
func (c *Client) With(h *http.Client) *Client {
	with := *c
	with.http = h
	return &with
}

// A Problem is an error that the server answered, by RFC 9457.
type Problem struct {
	Type      string  `json:"type"` // such as /problems/state
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail"`
	RequestID string  `json:"request_id"`
	Errors    []Fault `json:"errors"`
	State     string  `json:"state"` // of the campaign, where it does not allow what was asked
}

// A Fault is one thing that is wrong with a request.
type Fault struct {
	Pointer string `json:"pointer"` // to the field, by RFC 6901
	Part    int    `json:"part"`
	Line    int    `json:"line"`
	Detail  string `json:"detail"`
}

// Error says what the server said.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%s: %s", p.Title, p.Detail)
	for _, f := range p.Errors {
		switch {
		case f.Pointer != "":
			text += fmt.Sprintf("; %s: %s", f.Pointer, f.Detail)
		case f.Part > 0:
			text += fmt.Sprintf("; part %d, line %d: %s", f.Part, f.Line, f.Detail)
		}
	}
	return text
}

// Is says whether an error is a Problem of a kind, such as "state".
func Is(err error, kind string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Type == "/problems/"+kind
}

// again says that a Problem passes with time.
func (p *Problem) again() bool {
	return p.Status == http.StatusTooManyRequests || p.Status == http.StatusBadGateway || p.Status == http.StatusServiceUnavailable ||
		p.Status == http.StatusGatewayTimeout || strings.HasSuffix(p.Type, "/idempotency-in-progress")
}

// A request is asked until it is answered, or has been tried often enough.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	into         any // what the answer is read into; nil: nothing
}

func (c *Client) do(ctx context.Context, r request) error {
	resp, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if r.into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(r.into); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

// open asks, again where it did not get through, and returns the answer to be read
// and closed.
func (c *Client) open(ctx context.Context, r request) (*http.Response, error) {
	wait := c.wait
	for try := 1; ; try++ {
		resp, after, err := c.once(ctx, r)
		if err == nil {
			return resp, nil
		}
		var p *Problem
		if ctx.Err() != nil || try >= c.tries || errors.As(err, &p) && !p.again() {
			return nil, err
		}
		select {
		case <-time.After(max(wait, after)):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		}
		wait *= 2
	}
}

func (c *Client) once(ctx context.Context, r request) (resp *http.Response, after time.Duration, err error) {
	to := c.base + r.path
	if len(r.query) > 0 {
		to += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, to, bytes.NewReader(r.body))
	if err != nil {
		return nil, 0, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if len(r.body) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if resp, err = c.http.Do(req); err != nil {
		return nil, 0, err
	}
	if resp.StatusCode < 300 {
		return resp, 0, nil
	}
	defer resp.Body.Close()
	p := &Problem{Status: resp.StatusCode, Title: resp.Status}
	if text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err == nil {
		_ = json.Unmarshal(text, p) // a proxy's answer is none of ours, and has its status
	}
	p.Status = resp.StatusCode
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		after = min(time.Duration(seconds)*time.Second, time.Minute)
	}
	return nil, after, p
}
