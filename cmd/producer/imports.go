package main

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/desk"
)

const (
	// importEvery is how often it is looked for imports that are due elsewhere.
	importEvery = 500 * time.Millisecond
	// importsAtOnce is how many campaigns one process imports at once.
	importsAtOnce = 8
	// importAgainAfter is how long an import waits that failed for another reason than
	// its list.
	importAgainAfter = 2 * time.Second
)

// importer imports the campaigns that were launched over HTTP, whichever process
// took their launch.
type importer struct {
	desk *desk.Desk
	log  zerolog.Logger
	wake chan struct{}
}

// poke has it look at once.
func (im *importer) poke() {
	select {
	case im.wake <- struct{}{}:
	default:
	}
}

// run imports until ctx ends, and waits for what is under way: another process goes
// on with it.
func (im *importer) run(ctx context.Context) {
	var (
		under   sync.WaitGroup
		mu      sync.Mutex
		running = map[string]bool{}
		places  = make(chan struct{}, importsAtOnce)
	)
	defer under.Wait()
	tick := time.NewTicker(importEvery)
	defer tick.Stop()
	for {
		due, err := im.desk.ImportsDue(ctx)
		if err != nil && ctx.Err() == nil {
			im.log.Warn().Err(err).Msg("could not look for imports")
		}
		for _, id := range due {
			mu.Lock()
			busy := running[id]
			mu.Unlock()
			if busy {
				continue
			}
			select {
			case places <- struct{}{}:
			default:
				continue // the next look finds it
			}
			mu.Lock()
			running[id] = true
			mu.Unlock()
			under.Go(func() {
				im.one(ctx, id)
				mu.Lock()
				delete(running, id)
				mu.Unlock()
				<-places
				im.poke()
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-im.wake:
		}
	}
}

func (im *importer) one(ctx context.Context, id string) {
	if err := im.desk.Import(ctx, id); err != nil && ctx.Err() == nil {
		im.log.Warn().Err(err).Str("campaign", id).Msg("could not import; it is tried again")
		select {
		case <-ctx.Done():
		case <-time.After(importAgainAfter):
		}
	}
}
