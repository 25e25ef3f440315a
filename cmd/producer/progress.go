package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"sluice/internal/desk"
	"sluice/internal/plaintext"
)

const (
	barEvery  = 100 * time.Millisecond // on a terminal
	lineEvery = 5 * time.Second        // elsewhere
)

// A progress shows how far a reading is, on standard error: a bar on a terminal,
// a plain line now and then elsewhere.
type progress struct {
	done chan struct{}
	wg   sync.WaitGroup
}

// startProgress shows how far a reading is until stop.
func startProgress(a *app, how func() desk.Progress) *progress {
	p := &progress{done: make(chan struct{})}
	show, end, every := lines(a.err), func() {}, lineEvery
	if isTerminal(a.err) {
		bar := newBar(a.err, "", how().Size, true)
		show = func(p desk.Progress) { bar.Describe(p.Doing); bar.Set64(p.Bytes) }
		end = func() { bar.Finish(); fmt.Fprintln(a.err) }
		every = barEvery
	}
	p.wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if now := how(); now.Doing != "" {
					show(now)
				}
			case <-p.done:
				end()
				return
			}
		}
	})
	return p
}

func (p *progress) stop() {
	close(p.done)
	p.wg.Wait()
}

// lines shows progress as plain lines.
func lines(w io.Writer) func(desk.Progress) {
	return func(p desk.Progress) {
		if p.Size > 0 {
			fmt.Fprintf(w, "%s: %d %% of %d MB\n", p.Doing, p.Bytes*100/p.Size, p.Size>>20)
			return
		}
		fmt.Fprintf(w, "%s: %d MB\n", p.Doing, p.Bytes>>20)
	}
}

// newBar makes a progress bar with rate and time left.
func newBar(w io.Writer, what string, size int64, bytes bool) *progressbar.ProgressBar {
	if size <= 0 {
		size = -1
	}
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(bytes), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("rows"), progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(), progressbar.OptionThrottle(barEvery))
}

// shown is w for what others wrote: where it is a terminal, nothing of it steers
// that.
func shown(w io.Writer) io.Writer {
	if isTerminal(w) {
		return plaintext.NewWriter(w)
	}
	return w
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
