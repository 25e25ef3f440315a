package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"sluice/internal/idempotency"
)

// A recorder keeps an answer until it is known whether it is to be kept.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write keeps the body.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// keptHeaders are those of an answer that are answered again.
var keptHeaders = []string{"Content-Type", "Location", "ETag"}

// once carries out a request with an Idempotency-Key once. An error is not kept: to
// ask again is of use there, and harmless.
func (s *Server) once(rt route, c *call, key string) error {
	for _, b := range []byte(key) {
		if b < 0x20 || b > 0x7e || len(key) > 255 {
			return refusal(http.StatusBadRequest, "bad-request", "an Idempotency-Key has up to 255 printable characters of ASCII")
		}
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append([]byte(c.r.Method+" "+c.r.URL.RequestURI()+"\n"), body...))
	at, request := idempotency.Key(c.token.ID, key), hex.EncodeToString(sum[:])
	earlier, err := s.Idempotency.Begin(c.ctx, at, request)
	if err != nil {
		return err
	}
	if earlier == nil {
		if earlier, err = s.first(rt, c, at, request, body); err != nil {
			return err
		}
	} else {
		c.w.Header().Set("Idempotency-Replayed", "true")
	}
	for name, value := range earlier.Header {
		c.w.Header().Set(name, value)
	}
	c.w.WriteHeader(earlier.Status)
	_, _ = c.w.Write(earlier.Body) // whoever is gone asks again
	return nil
}

// first carries out a request and keeps its answer.
func (s *Server) first(rt route, c *call, at, request string, body []byte) (*idempotency.Answer, error) {
	rec := &recorder{header: http.Header{}}
	inner := *c
	inner.w = rec
	inner.r = c.r.Clone(c.ctx)
	inner.r.Body = io.NopCloser(bytes.NewReader(body))
	err := rt.handle(&inner)
	// Also where whoever asked is gone: the answer is for when it asks again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 5*time.Second)
	defer cancel()
	if err != nil {
		return nil, errors.Join(err, s.Idempotency.Forget(ctx, at))
	}
	a := &idempotency.Answer{Status: rec.status, Header: map[string]string{}, Body: rec.body.Bytes()}
	for _, name := range keptHeaders {
		if v := rec.header.Get(name); v != "" {
			a.Header[name] = v
		}
	}
	if err := s.Idempotency.Finish(ctx, at, request, a); err != nil {
		s.Log.Warn().Err(err).Str("request", c.id).Msg("could not keep an answer")
	}
	return a, nil
}
