package dispatch

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// Places in flight are in use as long as the campaign has somebody to send to: where
// one answer in twenty is late, batches wait for their last answers, and as many others
// are taken as it needs meanwhile. The queue is played by whoever is told that another
// batch is wanted.
func TestPlacesAreInUseWhileAnswersAreLate(t *testing.T) {
	t.Parallel()
	const batches, places, soon, late = 5, 64, 20 * time.Millisecond, 600 * time.Millisecond
	w := newWorld(t)
	w.limits.InFlight = places
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		if rand.IntN(20) == 0 {
			<-time.After(late)
		} else {
			<-time.After(soon)
		}
		return each(sender.Result{Outcome: sender.Accepted})(ref, rs)
	}
	w.launch(1000*batches, "")
	var sending sync.WaitGroup
	var mu sync.Mutex
	next := 0
	var d *Dispatcher
	take := func() {
		mu.Lock()
		defer mu.Unlock()
		if next == batches {
			return
		}
		n := next
		next++
		sending.Go(func() {
			c, err := w.ledger.Claim(t.Context(), campaignID, n, "w", false)
			if err == nil {
				err = d.Send(t.Context(), c)
			}
			if err != nil {
				t.Errorf("batch %d: %v", n, err)
			}
		})
	}
	w.wanting = func() { go take() }
	d = w.dispatcher()
	w.await("settled", func() bool { return !d.sender.Pace.Limited(0) })
	began := time.Now()
	take()
	take()
	most := 1000 * batches * 8 / 10 // the last have nobody to follow them
	w.await("nearly all submitted", func() bool { return w.submissions() >= most })
	took := time.Since(began)
	sending.Wait()
	mean := (19*soon + late) / 20
	if use := float64(most-places) * mean.Seconds() / (places * took.Seconds()); use < 0.8 {
		t.Errorf("the places were in use %.0f %% of the time", 100*use)
	} else {
		t.Logf("the places were in use %.0f %% of the time", 100*use)
	}
	if n := w.submissions(); n != 1000*batches {
		t.Errorf("%d submissions", n)
	}
}
