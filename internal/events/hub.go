// Package events tells listeners in this process what happens to campaigns, as it
// happens. All of them share one look at Redis a campaign, however many they are.
// What the scripts of the moves have kept is told once, in order, and from any place
// on where a listener comes back; how far a campaign is, as it is when it is told.
package events

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/keys"
)

const (
	// lookEvery is how often it is looked for what has happened.
	lookEvery = 500 * time.Millisecond
	// askEvery is how often a campaign that is sent is asked how far it is, and
	// restsFor one of which nothing happens by itself.
	askEvery = time.Second
	restsFor = 10 * time.Second
	// mostKept is how much of a campaign's events, and of all of them, is held.
	mostKept    = 1000
	mostKeptAll = 10000
)

// ErrFull says that there are as many listeners as there may be.
var ErrFull = errors.New("too many listen already")

// ErrStopped says that nothing is told any more: the process stops.
var ErrStopped = errors.New("the events have ended")

// A Look is how far a campaign is.
type Look struct {
	// Events are told where their Same is another than before. They have no ID.
	Events []Event
	// Moves says that it goes on by itself.
	Moves bool
}

// Options are what a Hub works with.
type Options struct {
	Redis redis.UniversalClient
	// Ask says how far a campaign is; nil: that is not told.
	Ask func(ctx context.Context, campaign string) (Look, error)
	Log zerolog.Logger
	// Most is how many may listen.
	Most int
	// Every is how often it is looked; lookEvery if 0.
	Every time.Duration
}

// A Hub looks for what happens. It is safe for use by many goroutines.
type Hub struct {
	Options
	wake chan struct{} // somebody listens to what is not read yet
	done chan struct{} // closed at the end

	mu        sync.Mutex
	feeds     map[string]*feed // by campaign; "": of all
	listeners int
}

// New makes a Hub, which tells nothing before it runs.
func New(o Options) *Hub {
	if o.Every == 0 {
		o.Every = lookEvery
	}
	return &Hub{Options: o, wake: make(chan struct{}, 1), done: make(chan struct{}), feeds: map[string]*feed{}}
}

// Run looks until ctx ends; all listeners end then. It may run once.
func (h *Hub) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	defer close(h.done)
	if h.Ask != nil {
		under.Go(func() { h.askAll(ctx) })
	}
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	fresh := false
	for {
		if err := h.look(ctx, fresh); err != nil && ctx.Err() == nil {
			h.Log.Warn().Err(err).Msg("could not look for events")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			fresh = false
		case <-h.wake:
			fresh = true
		}
	}
}

// listened are the feeds that somebody listens to; fresh: those alone that are not
// read yet.
func (h *Hub) listened(fresh bool) []*feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*feed
	for _, f := range h.feeds {
		if !fresh || !f.isRead() {
			all = append(all, f)
		}
	}
	return all
}

// look reads what is new, of all feeds in one round trip.
func (h *Hub) look(ctx context.Context, fresh bool) error {
	feeds := h.listened(fresh)
	if len(feeds) == 0 {
		return nil
	}
	reads := make([]*redis.XMessageSliceCmd, len(feeds))
	_, err := h.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, f := range feeds {
			key := keys.AllEvents()
			if f.campaign != "" {
				key = keys.Events(f.campaign)
			}
			reads[i] = p.XRange(ctx, key, f.behind(), "+")
		}
		return nil
	})
	for i, f := range feeds {
		if reads[i].Err() == nil {
			f.add(reads[i].Val())
		}
	}
	return err
}

// askAll asks those that are listened to how far they are, one after the other, so
// that many of them are asked less often and not more at once.
func (h *Hub) askAll(ctx context.Context) {
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	for {
		for _, f := range h.listened(false) {
			if ctx.Err() != nil {
				return
			}
			if f.campaign == "" || !f.isDue(time.Now()) {
				continue
			}
			began := time.Now()
			look, err := h.Ask(ctx, f.campaign)
			if err != nil {
				if ctx.Err() == nil {
					h.Log.Warn().Err(err).Str("campaign", f.campaign).Msg("could not ask how far a campaign is")
				}
				look.Moves = true
			}
			// A long campaign takes long to count: a tenth of the time at most.
			rest := max(askEvery, 10*time.Since(began))
			if !look.Moves {
				rest = restsFor
			}
			f.asked(look.Events, time.Now().Add(rest))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
