package worker

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// wakes are the campaigns that something has happened to since they were last
// looked at. It is safe for use by many goroutines.
type wakes struct {
	C chan struct{} // ready while there are any

	mu  sync.Mutex
	ids map[string]bool
	all bool
}

func newWakes() *wakes { return &wakes{C: make(chan struct{}, 1), ids: map[string]bool{}} }

// add has a campaign looked at.
func (w *wakes) add(id string) {
	w.mu.Lock()
	w.ids[id] = true
	w.mu.Unlock()
	w.ring()
}

// addAll has all campaigns looked at.
func (w *wakes) addAll() {
	w.mu.Lock()
	w.all = true
	w.mu.Unlock()
	w.ring()
}

func (w *wakes) ring() {
	select {
	case w.C <- struct{}{}:
	default:
	}
}

// take returns what there is, and forgets it.
func (w *wakes) take() (ids []string, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.ids {
		ids = append(ids, id)
	}
	all = w.all
	clear(w.ids)
	w.all = false
	return ids, all
}

// listen wakes the campaigns that others say have changed, until ctx ends, and all
// of them when it begins to listen: what was said meanwhile was missed.
func (w *Worker) listen(ctx context.Context) {
	sub := w.Redis.Subscribe(ctx, keys.Changes())
	defer context.AfterFunc(ctx, func() {
		if err := sub.Close(); err != nil {
			w.Log.Debug().Err(err).Msg("could not end listening for changes")
		}
	})()
	for heard := range sub.ChannelWithSubscriptions() {
		switch heard := heard.(type) {
		case *redis.Message:
			w.wakes.add(heard.Payload)
		case *redis.Subscription:
			w.wakes.addAll()
		}
	}
}
