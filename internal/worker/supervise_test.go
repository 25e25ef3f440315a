package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/sender"
	"sluice/internal/suppress"
)

// servers is how many asynq servers there are in all of Redis.
func (w *world) servers() int {
	w.t.Helper()
	n, err := w.rdb.ZCard(w.t.Context(), "asynq:servers").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	return int(n)
}

// retrying is how many tasks of a campaign wait for a time.
func (w *world) retrying(id string) int {
	w.t.Helper()
	b, err := w.queue.Backlogs(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(b[id].Later)
}

// far is a window of each recipient's own that opens hours from now.
func far() string {
	h := time.Now().UTC().Add(3 * time.Hour).Hour() // of +55: UTC-3
	return fmt.Sprintf("window: {from: \"%02d:00\", to: \"%02d:01\", timezone: recipient}\n", h, h)
}

// Campaigns that are due and have nothing to do cost less than a command a second
// each, and no server; a new one beside them begins at once.
func TestIdleCampaignsCostLittle(t *testing.T) {
	t.Parallel()
	const campaigns, seconds = 200, 15
	w := newWorld(t)
	id := func(i int) string { return fmt.Sprintf("idle-%03d", i) }
	for i := range campaigns {
		w.launch(id(i), 1, far())
	}
	w.start(w.options("w"))
	w.await("all told to wait", 30*time.Second, func() bool {
		for i := range campaigns {
			if w.retrying(id(i)) == 0 {
				return false
			}
		}
		return w.servers() == 0
	})
	before := w.commands()
	<-time.After(seconds * time.Second)
	if n := w.commands() - before; n > campaigns*seconds {
		t.Errorf("%d campaigns cost %d commands in %d s", campaigns, n, seconds)
	} else {
		t.Logf("%d campaigns cost %d commands in %d s", campaigns, n, seconds)
	}
	begun := int64(0)
	if !soon(func(try int) time.Time {
		id := fmt.Sprint("new-", try)
		w.launch(id, 3, "")
		launched := time.Now()
		w.awaitState(id, campaign.Finished, time.Minute)
		begun += 3
		return launched
	}) {
		t.Error("a new campaign takes more than two seconds")
	}
	if n := w.submitted.Load(); n != begun {
		t.Errorf("%d submissions", n)
	}
}

// What is paused is sent to nobody who was not begun, what is resumed goes on.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer = func(ref sender.Ref) sender.Result {
		<-time.After(10 * time.Millisecond)
		return sender.Result{Outcome: sender.Accepted, MessageID: fmt.Sprint(ref.Batch, ref.Index)}
	}
	w.launch("long", 3000, "")
	w.start(w.options("w"))
	w.await("sending", time.Minute, func() bool { return w.submitted.Load() > 50 })
	if !soon(func(int) time.Time {
		if _, err := w.campaigns.Pause(t.Context(), "long"); err != nil {
			t.Fatal(err)
		}
		n := w.submitted.Load()
		w.await("without a server", time.Minute, func() bool { return w.servers() == 0 })
		// Whoever was begun: eight places, and a quarter more.
		if after := w.submitted.Load(); after > n+10 {
			t.Errorf("%d submissions, %d at the pause", after, n)
		}
		n = w.submitted.Load()
		resumed := time.Now()
		if _, err := w.campaigns.Resume(t.Context(), "long"); err != nil {
			t.Fatal(err)
		}
		w.await("sending again", time.Minute, func() bool { return w.submitted.Load() > n })
		return resumed
	}) {
		t.Error("it goes on more than two seconds after it was resumed")
	}
	w.awaitState("long", campaign.Finished, 2*time.Minute)
	if a := w.totals("long"); a.Accepted != 3000 {
		t.Errorf("%+v", a)
	}
}

// A queue whose tasks all wait for a time has no server, and one again when the
// time has come.
func TestServersComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var failed atomic.Bool
	w.answer = func(sender.Ref) sender.Result {
		if failed.CompareAndSwap(false, true) {
			return sender.Result{Outcome: sender.Failed, Code: "22041"}
		}
		return sender.Result{Outcome: sender.Accepted, MessageID: "m"}
	}
	o := w.options("w")
	o.Backoff.Base, o.Backoff.Max = 15*time.Second, 15*time.Second
	w.launch("again", 1, "")
	w.start(o)
	w.await("told to wait", time.Minute, func() bool { return w.retrying("again") == 1 })
	w.await("without a server", 12*time.Second, func() bool { return w.servers() == 0 })
	if n := w.submitted.Load(); n != 1 {
		t.Errorf("%d submissions before the time has come", n)
	}
	w.awaitState("again", campaign.Finished, time.Minute)
	if n := w.submitted.Load(); n != 2 {
		t.Errorf("%d submissions", n)
	}
}

// A change that no worker was told of is found all the same.
func TestChangesThatNobodyTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer = func(sender.Ref) sender.Result {
		<-time.After(20 * time.Millisecond)
		return sender.Result{Outcome: sender.Accepted, MessageID: "m"}
	}
	w.start(w.options("w"))
	w.await("listening", time.Minute, func() bool {
		return w.rdb.PubSubNumSub(t.Context(), keys.Changes()).Val()[keys.Changes()] == 1
	})
	w.launch("quiet", 4000, "")
	w.await("sending", time.Minute, func() bool { return w.submitted.Load() > 0 })
	w.rdb.HSet(t.Context(), keys.Campaign("quiet"), "state", "halted")
	w.await("without a server", time.Minute, func() bool { return w.servers() == 0 })
	w.rdb.HSet(t.Context(), keys.Campaign("quiet"), "state", "running")
	n := w.submitted.Load()
	w.await("sending again", time.Minute, func() bool { return w.submitted.Load() > n })
}

// A queue that has lost its tasks is rebuilt from the ledger.
func TestQueueWithoutItsTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch("lost", 2000, "")
	for _, key := range w.rdb.Keys(t.Context(), "asynq:*").Val() {
		w.rdb.Del(t.Context(), key)
	}
	w.start(w.options("w"))
	w.awaitState("lost", campaign.Finished, time.Minute)
	if a := w.totals("lost"); a.Accepted != 2000 || w.submitted.Load() != 2000 {
		t.Errorf("%+v, %d submissions", a, w.submitted.Load())
	}
}

// When a campaign is due, and when to ask again.
func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := New(w.options("w"))
	now := time.Date(2026, 3, 4, 12, 30, 20, 0, time.UTC)
	window := func(from, to, zone string) *campaign.Window {
		return &campaign.Window{From: from, To: to, Timezone: zone}
	}
	tests := []struct {
		name  string
		brief campaign.Brief
		due   bool
		again time.Time
	}{
		{"running", campaign.Brief{State: campaign.Running}, true, never()},
		{"each recipient's window", campaign.Brief{State: campaign.Running, Window: window("01:00", "02:00", campaign.RecipientZone)}, true, never()},
		{"inside the window", campaign.Brief{State: campaign.Running, Window: window("12:00", "13:00", "UTC")}, true, now.Add(40 * time.Second)},
		{"before the window", campaign.Brief{State: campaign.Running, Window: window("13:00", "14:00", "UTC")}, false, now.Add(29*time.Minute + 40*time.Second)},
		{"scheduled", campaign.Brief{State: campaign.Scheduled, StartAt: now.Add(time.Hour)}, false, now.Add(time.Hour)},
		{"importing", campaign.Brief{State: campaign.Importing}, false, never()},
		{"paused", campaign.Brief{State: campaign.Paused}, false, never()},
		{"halted", campaign.Brief{State: campaign.Halted}, false, never()},
		{"finished", campaign.Brief{State: campaign.Finished}, false, never()},
		{"cancelled", campaign.Brief{State: campaign.Cancelled}, false, never()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			due, again := worker.check(context.Background(), tt.brief, now)
			if due != tt.due || !again.Equal(tt.again) {
				t.Errorf("due %t, again at %s; want %t, %s", due, again, tt.due, tt.again)
			}
		})
	}
}

// A campaign whose time has come is started, by the clock of Redis.
func TestScheduledStarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ahead atomic.Int64
	w.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w.launch("later", 2, "start_at: "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+"\n")
	w.start(w.options("w"))
	w.awaitState("later", campaign.Scheduled, time.Minute)
	ahead.Store(int64(2 * time.Hour))
	w.awaitState("later", campaign.Finished, time.Minute)
}

// A worker that cannot open a sender leaves its campaigns to others, and sends the
// rest.
func TestSenderThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options("w")
	opened := o.Account
	var known atomic.Bool
	o.Account = func(name string) (*Account, error) {
		if !known.Load() {
			return nil, errors.New("there is no such sender here")
		}
		return opened(name)
	}
	w.launch("strange", 2, "")
	stop := w.start(o)
	w.await("told of", time.Minute, func() bool { return w.logged("cannot send this campaign") })
	stop()
	if w.submitted.Load() != 0 {
		t.Error("something was sent")
	}
	known.Store(true)
	o.ID = "another"
	w.start(o)
	w.awaitState("strange", campaign.Finished, time.Minute)
}

// A sender whose settings have changed is opened anew, once what is under way has
// ended.
func TestSenderIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer = func(sender.Ref) sender.Result {
		<-time.After(5 * time.Millisecond)
		return sender.Result{Outcome: sender.Accepted, MessageID: "m"}
	}
	var opened atomic.Int64
	var last atomic.Pointer[Account]
	o := w.options("w")
	open := o.Account
	o.Account = func(name string) (*Account, error) {
		a, err := open(name)
		opened.Add(1)
		last.Store(a)
		return a, err
	}
	w.launch("renewed", 3000, "")
	w.start(o)
	w.await("sending", time.Minute, func() bool { return w.submitted.Load() > 20 })
	last.Load().Renew()
	w.await("opened anew", time.Minute, func() bool { return opened.Load() == 2 })
	w.awaitState("renewed", campaign.Finished, time.Minute)
	if a := w.totals("renewed"); a.Accepted != 3000 || w.submitted.Load() != 3000 {
		t.Errorf("%+v, %d submissions", a, w.submitted.Load())
	}
}

// A template that does not fit any more halts the campaign.
func TestTemplateIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer = func(sender.Ref) sender.Result {
		<-time.After(50 * time.Millisecond)
		return sender.Result{Outcome: sender.Accepted, MessageID: "m"}
	}
	o := w.options("w")
	open := o.Account
	o.PreflightEvery = 20 * time.Millisecond
	o.Account = func(name string) (*Account, error) {
		a, err := open(name)
		var asked atomic.Int64
		a.Preflight = func(context.Context, sender.Message) error {
			if asked.Add(1) == 1 {
				return errors.New("the provider could not be asked")
			}
			return &sender.UnfitError{Err: errors.New("the template is paused")}
		}
		return a, err
	}
	w.launch("unfit", 1000, "")
	w.start(o)
	w.awaitState("unfit", campaign.Halted, time.Minute)
	if !w.logged("could not look at the template again") {
		t.Error("that the provider could not be asked is not told")
	}
}

// Whoever is put on the suppression list before a campaign goes on gets nothing, from
// its first submission on.
func TestSuppressionIsKnownFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := suppress.New(w.rdb)
	o := w.options("w")
	o.Suppressed = list
	w.start(o)
	w.launch("first", 2, "start_at: "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+"\n")
	if _, err := list.Add(t.Context(), []string{"5511900000001"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.campaigns.Set(t.Context(), "first", func(s *campaign.Settings) error { s.StartAt = time.Time{}; return nil }); err != nil {
		t.Fatal(err)
	}
	w.awaitState("first", campaign.Finished, time.Minute)
	if n := w.submitted.Load(); n != 1 {
		t.Errorf("%d submissions", n)
	}
}

// Settings that are set anew hold also for batches that wait for what was set
// before.
func TestSettingsAreSetAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch("set", 2, far())
	w.start(w.options("w"))
	w.await("told to wait", time.Minute, func() bool { return w.retrying("set") == 1 })
	if _, _, err := w.campaigns.Set(t.Context(), "set", func(s *campaign.Settings) error { s.Window = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	w.awaitState("set", campaign.Finished, time.Minute)
}
