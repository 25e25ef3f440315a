package main

import (
	"io"
	"sync"
	"time"

	"sluice/internal/desk"
	"sluice/internal/plaintext"
	"sluice/internal/progress"
)

// showEvery is how often progress is shown anew.
const showEvery = 100 * time.Millisecond

// A reading shows how far the reading of a list is, on standard error.
type reading struct {
	done chan struct{}
	wg   sync.WaitGroup
}

// startProgress shows how far a reading is until stop.
func startProgress(a *app, how func() desk.Progress) *reading {
	r := &reading{done: make(chan struct{})}
	line := progress.New(a.err, a.getenv)
	r.wg.Go(func() {
		tick := time.NewTicker(showEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if now := how(); now.Doing != "" {
					line.Show(a.now(), progress.Look{What: now.Doing, Part: partOf(now), Rows: now.Rows})
				}
			case <-r.done:
				line.Done()
				return
			}
		}
	})
	return r
}

// partOf is how much of a list has been read, by the bytes of its file; below 0
// where that is not known.
func partOf(p desk.Progress) float64 {
	if p.Size <= 0 {
		return -1
	}
	return float64(p.Bytes) / float64(p.Size)
}

func (r *reading) stop() {
	close(r.done)
	r.wg.Wait()
}

// shown is w for what others wrote: where it is a terminal, nothing of it steers
// that.
func shown(w io.Writer) io.Writer {
	if progress.IsTerminal(w) {
		return plaintext.NewWriter(w)
	}
	return w
}
