package worker

import (
	"fmt"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/sender"
)

// As many batches are taken as keep the places in use: those that wait for a last
// answer which is late hold one place each, and the others begin meanwhile.
func TestBatchesThatWaitForAnAnswerHoldUpNoOther(t *testing.T) {
	t.Parallel()
	const batches = 7 // of eight places
	w := newWorld(t)
	release := make(chan struct{})
	w.answer = func(ref sender.Ref) sender.Result {
		if ref.Index == 500 {
			<-release
		}
		return sender.Result{Outcome: sender.Accepted, MessageID: fmt.Sprint(ref.Batch, "-", ref.Index)}
	}
	w.launch("c", 1000*batches, "")
	w.start(w.options("w"))
	func() {
		defer close(release)
		w.await("everybody submitted to", 2*time.Minute, func() bool { return w.submitted.Load() == 1000*batches })
	}()
	w.awaitState("c", campaign.Finished, time.Minute)
}
