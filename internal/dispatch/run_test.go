package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

// blocking answers only once it may, and says how many wait.
type blocking struct {
	waiting atomic.Int64
	free    chan struct{}
}

func (w *world) block() *blocking {
	b := &blocking{free: make(chan struct{})}
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		b.waiting.Add(1)
		<-b.free
		return each(sender.Result{Outcome: sender.Accepted})(ref, rs)
	}
	return b
}

// sending is a batch that is being sent.
type sending struct {
	claim *ledger.Claim
	ended chan error
}

func (w *world) start(ctx context.Context, d *Dispatcher) *sending {
	w.t.Helper()
	s := &sending{claim: w.claim("w"), ended: make(chan error, 1)}
	go func() { s.ended <- d.Send(ctx, s.claim) }()
	return s
}

// A stop ends the batch between two submissions: what is in flight is waited for
// and recorded, the rest is pending.
func TestStopEndsBetweenSubmissions(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(d *Dispatcher, cancel func()){
		"by the campaign": func(d *Dispatcher, _ func()) { d.Stop() },
		"by the queue":    func(_ *Dispatcher, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.launch(100, "")
			b, d := w.block(), w.dispatcher()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := w.start(ctx, d)
			w.await("8 in flight", func() bool { return b.waiting.Load() == 8 })
			stop(d, cancel)
			close(b.free)
			snoozed(t, <-s.ended, "the worker or the campaign stopped")
			n := w.submissions()
			counts(t, s.claim.Counts(), n, 0, 0, 100-n)
			if n < 8 || n > 8+2+8 {
				t.Errorf("%d submissions", n)
			}
		})
	}
}

// An intent is for who has a place in flight, or will have one soon: what a crash
// leaves in doubt is a quarter more than is in flight, however many are to be sent to.
func TestIntentsAreForPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(500, "")
	b, d := w.block(), w.dispatcher()
	s := w.start(t.Context(), d)
	w.await("8 in flight", func() bool { return b.waiting.Load() == 8 })
	w.await("begun", func() bool {
		d.sender.room.mu.Lock()
		defer d.sender.room.mu.Unlock()
		return d.sender.room.begun == 10
	})
	<-time.After(50 * time.Millisecond)
	if n, err := w.ledger.InFlight(t.Context(), campaignID); err != nil || n > 10 {
		t.Errorf("%d intents are on record, at 8 places: %v", n, err)
	}
	close(b.free)
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	counts(t, s.claim.Counts(), 500, 0, 0, 0)
}

// Whoever is suppressed while they wait for their slot gets nothing.
func TestSuppressedWhileTheyWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list, w.limits.MessagesPerSecond = map[string]bool{}, 100
	w.launch(4, "")
	w.suppress(number(3))
	d := w.dispatcher()
	if err := d.sender.Pace.Throttled(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	s := w.start(t.Context(), d)
	w.await("eligible", func() bool {
		totals, err := w.ledger.Totals(t.Context(), campaignID)
		return err == nil && totals.Suppressed == 1
	})
	w.suppress(number(0), number(2))
	if _, err := ratelimit.ClearPause(t.Context(), w.rdb, "promo"); err != nil {
		t.Fatal(err)
	}
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	if got := s.claim.Counts(); got.Suppressed != 3 || got.Accepted != 1 || w.submissions() != 1 {
		t.Errorf("%+v, after %d submissions", got, w.submissions())
	}
}

// A batch that takes long hands its rest back, which costs nobody anything.
func TestHandsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.handing, w.limits.MessagesPerSecond = 300*time.Millisecond, 50
	w.launch(60, "")
	got, err := w.send(w.dispatcher())
	s := snoozed(t, err, "takes long")
	if s.Delay() != 0 || got.Accepted == 0 || got.Pending == 0 || got.Accepted+got.Pending != 60 || got.InDoubt != 0 {
		t.Errorf("again in %s, %+v", s.Delay(), got)
	}
}

// Somebody who takes the batch over ends this run of it.
func TestAnotherClaimEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(200, "")
	b, d := w.block(), w.dispatcher()
	s := w.start(t.Context(), d)
	w.await("8 in flight", func() bool { return b.waiting.Load() == 8 })
	w.rdb.HSet(t.Context(), "sluice:{c}:owners", "0", "gone") // as if this worker were
	w.claim("another")
	close(b.free)
	snoozed(t, <-s.ended, "another worker has taken the batch over")
}

// A campaign that does not run any more begins nobody.
func TestNotRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(10, "")
	if _, err := w.campaigns.Pause(t.Context(), campaignID); err != nil {
		t.Fatal(err)
	}
	d := w.dispatcher()
	got, err := w.send(d)
	snoozed(t, err, "the campaign is not running")
	counts(t, got, 0, 0, 0, 10)
	if d.Stopped().Err() == nil || w.submissions() != 0 {
		t.Errorf("%d submissions", w.submissions())
	}
}

// While others may have taken this worker for gone, nothing is begun, and what was
// begun before goes out no more.
func TestLapsedHeartbeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(40, "")
	b, d := w.block(), w.dispatcher()
	s := w.start(t.Context(), d)
	w.await("8 in flight", func() bool { return b.waiting.Load() == 8 })
	w.gone.Store(true)
	close(b.free)
	w.await("answered", func() bool { return s.claim.Counts().Accepted >= 8 })
	n := w.submissions()
	<-time.After(50 * time.Millisecond)
	if more := w.submissions(); more != n || n > 9 {
		t.Errorf("%d submissions, then %d", n, more)
	}
	w.life.Add(1)
	w.gone.Store(false)
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	counts(t, s.claim.Counts(), 40, 0, 0, 0)
	if w.submissions() != 40 {
		t.Errorf("%d submissions of 40 recipients", w.submissions())
	}
}

// Whoever is on the suppression list is rejected without a submission, also one
// that was put there while the batch runs.
func TestSuppression(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list = map[string]bool{}
	w.suppress(number(3))
	w.limits.InFlight = 1
	var late atomic.Bool
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		if !late.Swap(true) {
			w.suppress(number(39))
		}
		return each(sender.Result{Outcome: sender.Accepted})(ref, rs)
	}
	w.launch(40, "")
	got, err := w.send(w.dispatcher())
	if err != nil {
		t.Fatal(err)
	}
	totals, err := w.ledger.Totals(t.Context(), campaignID)
	if err != nil || totals.Suppressed+got.Suppressed == 0 && got.Rejected != 2 {
		t.Errorf("%+v, %+v, %v", got, totals, err)
	}
	if w.submissions() != 38 {
		t.Errorf("%d submissions", w.submissions())
	}
	for _, s := range w.sent {
		if s[0] == 3 || s[0] == 39 {
			t.Errorf("recipient %d was sent to", s[0])
		}
	}
}

// A recipient whose window is closed waits for their time of day; one that closed
// before is looked at again.
func TestWindowOfEachRecipient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opens := time.Now().UTC().Add(-time.Hour) // of UTC-3: in two hours
	w.launch(3, fmt.Sprintf("window: {from: %q, to: %q, timezone: recipient}\n", opens.Format("15:04"), opens.Add(time.Minute).Format("15:04")))
	got, err := w.send(w.dispatcher())
	s := snoozed(t, err, "3 recipients wait for their time of day")
	if s.Delay() < time.Hour || s.Delay() > 3*time.Hour {
		t.Errorf("again in %s", s.Delay())
	}
	counts(t, got, 0, 0, 0, 3)
}

// The reason names both, those that wait for their time of day and those that wait
// for a retry.
func TestWhatABatchWaitsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.backoff = Backoff{Base: time.Hour, Max: time.Hour}
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		if ref.Index == 0 {
			return []sender.Result{{Outcome: sender.Failed, Code: "22041"}}
		}
		return each(sender.Result{Outcome: sender.Accepted})(ref, rs)
	}
	w.launch(2, "")
	d := w.dispatcher()
	_, err := w.send(d)
	snoozed(t, err, "1 recipients wait for their retry after 22041 ×1")
	opens := time.Now().UTC().Add(-time.Hour)
	settings := w.file.Settings()
	settings.Window = &campaign.Window{From: opens.Format("15:04"), To: opens.Add(time.Minute).Format("15:04"), Timezone: campaign.RecipientZone}
	d.Set(settings)
	_, err = w.send(d)
	snoozed(t, err, "retry after 22041 ×1")
}

// A sender whose messages of 24 hours are used up has its batches wait.
func TestDayIsFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits.MessagesPerDay = 2
	w.launch(5, "")
	got, err := w.send(w.dispatcher())
	s := snoozed(t, err, "24 hours are used up")
	if s.Delay() > askAgain || s.Delay() < time.Second {
		t.Errorf("again in %s", s.Delay())
	}
	counts(t, got, 2, 0, 0, 3)
}

// Settings that are set anew hold at once, also for a batch that waits for a slot.
func TestSetWhileItWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(30, "rate: {messages_per_second: 0.1}\n")
	d := w.dispatcher()
	s := w.start(t.Context(), d)
	<-time.After(100 * time.Millisecond) // a slot is seconds away
	settings := w.file.Settings()
	settings.Rate = 0
	d.Set(settings)
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	counts(t, s.claim.Counts(), 30, 0, 0, 0)
}

// An outage opens the circuit breaker: nothing but single probes go out, nobody
// loses an attempt, and the first answer ends it.
func TestOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.most = 3
	var up atomic.Bool
	w.answers = func(ref sender.Ref, rs []batch.Recipient) []sender.Result {
		if up.Load() {
			return each(sender.Result{Outcome: sender.Accepted})(ref, rs)
		}
		return each(sender.Result{Outcome: sender.Failed, Code: "http_503"})(ref, rs)
	}
	w.launch(90, "max_attempts: 1\n")
	d := w.dispatcher()
	s := w.start(t.Context(), d)
	w.await("open", func() bool { return d.sender.breaker.holds() })
	<-time.After(100 * time.Millisecond)
	n := w.submissions()
	if n > outageRun+8 {
		t.Errorf("%d submissions into the outage", n)
	}
	up.Store(true)
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	counts(t, s.claim.Counts(), 90, 0, 0, 0)
	if probe := w.sent[n]; probe[1] != 1 {
		t.Errorf("the probe was about %d recipients", probe[1])
	}
}

// A pace cuts chunks to the places that there are, and keeps the limit.
func TestPaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits = ratelimit.Limits{InFlight: 4, MessagesPerSecond: 100}
	w.launch(60, "")
	began := time.Now()
	got, err := w.send(w.dispatcher())
	if err != nil {
		t.Fatal(err)
	}
	counts(t, got, 60, 0, 0, 0)
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("60 at 100 a second took %s", took)
	}
}

// An outcome that comes after somebody had the batch done brings it back.
func TestReopens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(1, "")
	b, d := w.block(), w.dispatcher()
	s := w.start(t.Context(), d)
	w.await("in flight", func() bool { return b.waiting.Load() == 1 })
	w.rdb.HSet(t.Context(), "sluice:{c}:owners", "0", "gone")
	// Another worker finds whom this one sent to in doubt, and is done with the batch.
	if _, err := w.ledger.Claim(t.Context(), campaignID, 0, "another", false); err != nil && !errors.Is(err, ledger.ErrDone) {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.answers = nil
	w.mu.Unlock()
	b.free <- struct{}{}
	err := <-s.ended
	if got := s.claim.Counts(); got.Accepted != 1 || got.InDoubt != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// The message is compiled, or there is no dispatcher.
func TestMessageThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(1, "")
	s := &Sender{Name: "promo", Provider: broken{w}}
	if _, err := New(Host{}, campaignID, w.file, s); err == nil || !strings.Contains(err.Error(), campaignID) {
		t.Errorf("%v", err)
	}
}

type broken struct{ *world }

func (broken) Compile(sender.Message, []batch.Column) (sender.Submitter, error) {
	return nil, errors.New("template.name is needed")
}
