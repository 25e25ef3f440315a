package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sluice/internal/events"
)

const (
	// StreamsAtOnce is how many event streams one process serves.
	StreamsAtOnce = 12_000
	// beatEvery is how often a stream on which nothing happens says that it lives.
	beatEvery = 15 * time.Second
	// readyWithin is how long a stream's answer waits for Redis.
	readyWithin = 5 * time.Second
)

// events streams what happens to a campaign.
func (s *Server) events(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	return s.stream(c, rec.ID, "")
}

// allEvents streams what happens to the campaigns of the token's senders, from now on
// where no place is named.
func (s *Server) allEvents(c *call) error { return s.stream(c, "", events.Now) }

// stream streams events, from behind the place that the request names.
func (s *Server) stream(c *call, campaign, otherwise string) error {
	behind := otherwise
	for _, place := range []string{c.r.URL.Query().Get("after"), c.r.Header.Get("Last-Event-ID")} {
		if place != "" {
			behind = place
		}
	}
	l, err := s.Events.Listen(campaign, behind)
	switch {
	case errors.Is(err, events.ErrPlace):
		return refusal(http.StatusBadRequest, "bad-request", "Last-Event-ID is the id of an event")
	case errors.Is(err, events.ErrFull):
		return later(refusal(http.StatusServiceUnavailable, "unavailable", "this process serves as many event streams as it may"), 5)
	case err != nil:
		return err
	}
	defer l.Close()
	// Whoever has an answer is told of whatever they do then. Where Redis does not
	// answer, they have it all the same, and what happens once it does.
	ready, cancel := context.WithTimeout(c.ctx, readyWithin)
	_ = l.Ready(ready)
	cancel()
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy that waits for more tells nothing
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	out := &patientWriter{w: c.w, control: http.NewResponseController(c.w)}
	defer func() { _ = out.control.SetWriteDeadline(time.Time{}) }() // for the next answer on the connection
	if err := out.told([]byte("retry: 2000\n\n")); err != nil {
		return err
	}
	for {
		news, err := next(c.ctx, l)
		if err != nil { // whoever listened is gone, or this process stops
			return nil
		}
		text := []byte(":\n\n")
		if news != nil {
			text = s.frames(c, news)
		} else if !s.holds(c) {
			return nil
		}
		if err := out.told(text); err != nil {
			return err
		}
	}
}

// next waits for events; none once it is time for a sign of life.
func next(ctx context.Context, l *events.Listener) ([]events.Event, error) {
	beat, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	news, err := l.Next(beat)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, nil
	}
	return news, err
}

// holds says that the token of a stream is still one. Streams of one token share one
// look at Redis.
func (s *Server) holds(c *call) bool {
	l := s.limit(c.token.ID)
	s.mu.Lock()
	now := s.Now()
	due := now.Sub(l.checked) >= beatEvery
	if due {
		l.checked = now
	}
	s.mu.Unlock()
	if due {
		_, err := s.Tokens.Check(c.ctx, c.bearer())
		s.mu.Lock()
		defer s.mu.Unlock()
		l.over = err != nil && !isAway(err)
		return !l.over
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !l.over
}

// frames are events as they stand in a stream, those left out that are not for the
// token.
func (s *Server) frames(c *call, news []events.Event) []byte {
	var out bytes.Buffer
	for _, e := range news {
		if e.Sender != "" && !c.token.Knows(e.Sender) {
			continue
		}
		if e.ID != "" {
			fmt.Fprintf(&out, "id: %s\n", e.ID)
		}
		fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", e.Type, e.Data)
	}
	return out.Bytes()
}

// told writes and sends what was written.
func (p *patientWriter) told(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := p.Write(text); err != nil {
		return err
	}
	return p.control.Flush()
}
