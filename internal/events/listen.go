package events

import (
	"context"
	"errors"
	"sync"
)

// ErrPlace says that a place to go on from is none.
var ErrPlace = errors.New("not a place among the events")

// A place is as far as a listener has been told.
type place struct {
	behind  id
	atEnd   bool // behind what there is when it is first read
	version int
}

// A Listener is told of one campaign, or of all. It is for one goroutine.
type Listener struct {
	hub   *Hub
	feed  *feed
	place place
	once  sync.Once
}

// Now is the place behind all that has happened.
const Now = "now"

// Listen begins to listen to a campaign, or to all of them where campaign is empty,
// behind a place: the ID of an Event, "" for all that is kept, or Now. The Listener is
// to be closed.
func (h *Hub) Listen(campaign, behind string) (*Listener, error) {
	l := &Listener{hub: h}
	switch behind {
	case "":
	case Now:
		l.place.atEnd = true
	default:
		at, ok := parseID(behind)
		if !ok {
			return nil, ErrPlace
		}
		l.place.behind = at
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Most > 0 && h.listeners >= h.Most {
		return nil, ErrFull
	}
	if l.feed = h.feeds[campaign]; l.feed == nil {
		l.feed = newFeed(campaign)
		h.feeds[campaign] = l.feed
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
	h.listeners++
	l.feed.listeners++
	return l, nil
}

// Ready waits until what there is was read: with Now, whatever happens from then on is
// told.
func (l *Listener) Ready(ctx context.Context) error {
	for {
		read, changed := l.feed.settle(&l.place)
		if read {
			return nil
		}
		select {
		case <-changed:
		case <-l.hub.done:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends listening. What nobody listens to is forgotten.
func (l *Listener) Close() {
	l.once.Do(func() {
		l.hub.mu.Lock()
		defer l.hub.mu.Unlock()
		l.hub.listeners--
		if l.feed.listeners--; l.feed.listeners == 0 {
			delete(l.hub.feeds, l.feed.campaign)
		}
	})
}

// Next waits for what is to be told, and returns it. An error is ErrStopped, or
// that of ctx. A listener that comes late is told all the same: of what is as it is now
// the newest, and where events were cut off meanwhile, that they are lost.
func (l *Listener) Next(ctx context.Context) ([]Event, error) {
	for {
		news, changed := l.feed.since(&l.place)
		if len(news) > 0 {
			return news, nil
		}
		select {
		case <-changed:
		case <-l.hub.done:
			return nil, ErrStopped
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
