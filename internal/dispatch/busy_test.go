package dispatch

import (
	"sync"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// Places in flight are in use as long as the campaign has somebody to send to: batches
// that wait for their last answers, of which some never seem to come, keep the others
// out of no place that is free. The queue is played by whoever is told that another
// batch is wanted.
func TestPlacesAreInUseWhileAnswersAreLate(t *testing.T) {
	t.Parallel()
	const batches, late, places = 7, 8, 64 // eight of each batch: 56 places in the end
	w := newWorld(t)
	w.limits.InFlight = places
	release := make(chan struct{})
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		if ref.Index%(1000/late) == 0 {
			<-release
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
	w.wanting = take
	d = w.dispatcher()
	w.await("settled", func() bool { return !d.sender.Pace.Limited(0) })
	take()
	take()
	for deadline := time.Now().Add(2 * time.Minute); w.submissions() < 1000*batches; {
		if time.Now().After(deadline) {
			t.Errorf("%d of %d submitted, and the rest waits for answers that are late", w.submissions(), 1000*batches)
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	close(release)
	sending.Wait()
	if n := w.submissions(); n != 1000*batches {
		t.Errorf("%d submissions", n)
	}
}
