package page

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice/internal/idempotency"
)

// A form that acts has a token of its own, by which it is carried out once, however
// often it is sent: a second click is answered what the first one was. The same token
// with other words in the form is another act: somebody went back and thought again.

const (
	// onceField is the token's field.
	onceField = "once"
	// mostOnce is how long a token may be.
	mostOnce = 64
	// answerLasts is how long an answer is kept here, with its text. Redis keeps longer
	// where it led to, and no text: that may be a secret.
	answerLasts = 10 * time.Minute
	// mostAnswers is how many are kept here.
	mostAnswers = 500
	// actWithin is how long an act may take, whoever waits for it.
	actWithin = planWithin
)

// Once is the token of the forms of a page.
func (f *frame) Once() string {
	if f.once == "" {
		b := make([]byte, 16)
		_, _ = rand.Read(b) // never fails, by its contract
		f.once = base64.RawURLEncoding.EncodeToString(b)
	}
	return f.once
}

// onceOf carries out what a form asks for, by the token in it.
func (s *Server) onceOf(c *call, handle func(*call) error) error {
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "multipart/") {
		return handle(c) // which reads it as it comes
	}
	return s.once(c, c.form(onceField), c.r.PostForm.Encode(), handle)
}

// once carries out what is asked for under a token with these words. It is carried out
// to its end although the browser goes away, as it does with a second click.
func (s *Server) once(c *call, token, words string, handle func(*call) error) error {
	if token == "" || len(token) > mostOnce {
		return handle(c)
	}
	key := idempotency.Key(c.token.ID, strings.Join([]string{"page", token, c.r.URL.Path, words}, "\x00"))
	a, err := s.answers.of(c.ctx, key, func() (*answer, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), actWithin)
		defer cancel()
		switch before, err := s.Idempotency.Begin(ctx, key, ""); {
		case errors.Is(err, idempotency.ErrInProgress):
			return nil, errUnderWay
		case err != nil:
			return nil, err
		case before != nil:
			return answeredBefore(before)
		}
		a := &answer{ResponseWriter: c.w, header: http.Header{}, code: http.StatusOK}
		own := *c
		own.ctx, own.w = ctx, a
		err := handle(&own)
		if err != nil || a.code >= http.StatusBadRequest {
			return a, errors.Join(err, s.Idempotency.Forget(ctx, key))
		}
		kept := &idempotency.Answer{Status: a.code, Header: map[string]string{"Location": a.header.Get("Location")}}
		if err := s.Idempotency.Finish(ctx, key, "", kept); err != nil {
			s.Log.Warn().Err(err).Msg("could not keep that a form was carried out") // it was
		}
		return a, nil
	})
	if err != nil {
		return err
	}
	a.to(c.w)
	return nil
}

// answeredBefore is what another process answered.
func answeredBefore(was *idempotency.Answer) (*answer, error) {
	to := was.Header["Location"]
	if to == "" {
		return nil, errDoneAlready
	}
	return &answer{header: http.Header{"Location": {to}}, code: was.Status}, nil
}

// An answer is what a request was answered, before the browser gets it.
type answer struct {
	http.ResponseWriter // the browser's own, whose deadlines hold

	header http.Header
	code   int
	body   bytes.Buffer
}

// Header is the answer's.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader says how it went.
func (a *answer) WriteHeader(code int) { a.code = code }

// Write adds to its text.
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// to answers a browser.
func (a *answer) to(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.code)
	_, _ = w.Write(a.body.Bytes()) //nolint:gosec // what html/template wrote; the browser may be gone
}

// answers keeps those of the last minutes.
type answers struct {
	now func() time.Time

	mu sync.Mutex
	by map[string]*sending
}

// A sending is a form that was sent.
type sending struct {
	done   chan struct{} // closed once it is carried out
	answer *answer       // nil: it failed, and may be sent again
	until  time.Time
}

func newAnswers(now func() time.Time) *answers {
	return &answers{now: now, by: map[string]*sending{}}
}

// of is the answer to a key: the one before, or what do does. Of several at once one
// does it; where it fails the next one tries.
func (s *answers) of(ctx context.Context, key string, do func() (*answer, error)) (*answer, error) {
	for {
		s.mu.Lock()
		before := s.by[key]
		if before == nil {
			mine := &sending{done: make(chan struct{}), until: s.now().Add(actWithin)}
			s.make(key, mine)
			s.mu.Unlock()
			return s.carry(key, mine, do)
		}
		s.mu.Unlock()
		select {
		case <-before.done:
			if before.answer != nil {
				return before.answer, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// make keeps a sending, in the place of those that are too old.
func (s *answers) make(key string, mine *sending) {
	if len(s.by) >= mostAnswers {
		now := s.now()
		for k, other := range s.by {
			if now.After(other.until) || len(s.by) >= mostAnswers && other.answer != nil {
				delete(s.by, k)
			}
		}
	}
	s.by[key] = mine
}

// carry carries out a sending.
func (s *answers) carry(key string, mine *sending, do func() (*answer, error)) (a *answer, err error) {
	fine := false // nor a panic
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if fine {
			mine.answer, mine.until = a, s.now().Add(answerLasts)
		} else {
			delete(s.by, key)
		}
		close(mine.done)
	}()
	a, err = do()
	fine = err == nil && a.code < http.StatusBadRequest
	return a, err
}
