package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/rs/zerolog"

	"sluice/internal/sender"
)

// current are the receivers as the senders file was read last. It is safe for use by
// many goroutines.
type current struct {
	handler func(*receivers) http.Handler
	now     atomic.Pointer[served]
}

// served are receivers with what takes their callbacks.
type served struct {
	*receivers
	http.Handler
}

func newCurrent(r *receivers, handler func(*receivers) http.Handler) *current {
	c := &current{handler: handler}
	c.swap(r)
	return c
}

// swap has others take the place: requests that come from now on are theirs.
func (c *current) swap(r *receivers) { c.now.Store(&served{r, c.handler(r)}) }

// ServeHTTP takes a callback.
func (c *current) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.now.Load().ServeHTTP(w, r) }

func (c *current) reader(name string) (sender.CallbackReader, bool) { return c.now.Load().reader(name) }

func (c *current) haltsAt(name string) float64 { return c.now.Load().haltsAt(name) }

func (c *current) soleUser(name string) bool { return c.now.Load().soleUser(name) }

// reloadOnHangup reads the senders file again at each SIGHUP, until ctx ends. One
// that is invalid changes nothing.
func reloadOnHangup(ctx context.Context, c *current, load func() (*receivers, error), log zerolog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup:
			r, err := load()
			if err != nil {
				log.Error().Err(err).Msg("the senders file is not read again: it is invalid, and nothing has changed")
				continue
			}
			c.swap(r)
			log.Info().Int("senders", len(r.senders)).Msg("senders file read again")
		case <-ctx.Done():
			return
		}
	}
}
