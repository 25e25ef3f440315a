package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"
)

// An Event is something that happened to a campaign, or how far it is.
type Event struct {
	// ID is its place: EventsAfter goes on behind it. Events that say how far something
	// is now have none.
	ID string `json:"-"`
	// Type is campaign.state, campaign.progress, campaign.import, sender.pace,
	// or events.lost where some were so long ago that they are not kept. Ignore others.
	Type string          `json:"-"`
	Data json.RawMessage `json:"-"` // all that is told of it

	Campaign string    `json:"campaign"`
	At       time.Time `json:"at"`
	From     string    `json:"from"` // of campaign.state: the states
	To       string    `json:"to"`
	Code     string    `json:"code"` // why it was paused or has halted
	Reason   string    `json:"reason"`
	Status   *Status   `json:"status"` // of campaign.progress
}

// Events are what happens to a campaign, from its beginning on and as it happens,
// without end. Where the stream breaks it goes on behind the last event, so that each
// is yielded once; an error is the last that it yields.
func (c *Client) Events(ctx context.Context, id string) iter.Seq2[Event, error] {
	return c.EventsAfter(ctx, id, "")
}

// EventsAfter is Events behind the event of an ID.
func (c *Client) EventsAfter(ctx context.Context, id, after string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		broke := 0
		for {
			went, done, err := c.listen(ctx, id, &after, yield)
			if done {
				return
			}
			if went {
				broke = 0
			}
			var p *Problem
			if broke++; ctx.Err() != nil || broke > c.tries || errors.As(err, &p) && !p.again() {
				yield(Event{}, errors.Join(context.Cause(ctx), err))
				return
			}
			select {
			case <-time.After(c.wait << min(broke-1, 6)):
			case <-ctx.Done():
			}
		}
	}
}

// listen yields events until the stream ends, and says whether it told anything.
func (c *Client) listen(ctx context.Context, id string, after *string, yield func(Event, error) bool) (went, done bool, err error) {
	r := request{method: http.MethodGet, path: at(id, "/events"), header: http.Header{"Accept": {"text/event-stream"}}}
	if *after != "" {
		r.header.Set("Last-Event-ID", *after)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.open(ctx, r)
	if err != nil {
		return false, false, err
	}
	defer resp.Body.Close()
	silence := time.AfterFunc(silentFor, cancel)
	defer silence.Stop()
	frames := bufio.NewReader(resp.Body)
	for {
		e, err := readEvent(frames)
		if err != nil {
			return went, false, fmt.Errorf("the events broke off: %w", err)
		}
		went = true
		silence.Reset(silentFor)
		if e.Type == "" { // a sign of life
			continue
		}
		if !yield(e, nil) {
			return went, true, nil
		}
		if e.ID != "" {
			*after = e.ID
		}
	}
}

// silentFor is how long a stream may say nothing: it gives four signs of life in that.
const silentFor = time.Minute

// maxEvent is how long an event may be.
const maxEvent = 1 << 20

// readEvent reads one event, without a Type where it is a comment.
func readEvent(r *bufio.Reader) (e Event, err error) {
	for n := 0; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return e, err
		}
		if n += len(line); n > maxEvent {
			return e, errors.New("an event is too long")
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Type = value
		case "data":
			e.Data = append(e.Data, value...)
		case "":
			if line != "\n" && line != "\r\n" { // a comment
				continue
			}
			if e.Type != "" {
				err = json.Unmarshal(e.Data, &e)
			}
			return e, err
		}
	}
}
