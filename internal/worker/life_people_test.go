package worker

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

func (l *life) move(t *rapid.T) {
	s, ctx := l.w.Campaigns, t.Context()
	var err error
	switch rapid.SampledFrom([]string{"pause", "resume", "resume", "resume", "halt"}).Draw(t, "move") {
	case "pause":
		_, err = s.Pause(ctx, l.id)
	case "resume":
		l.must(t, l.w.queue.Unpause(ctx, l.id))
		_, err = s.Resume(ctx, l.id)
	case "halt":
		_, err = s.Halt(ctx, l.id, "c", "r")
	}
	if err != nil && !errors.Is(err, campaign.ErrNotAllowed) {
		t.Fatal(err)
	}
}

// cancelNow cancels a campaign, seldom before anybody was sent to.
func (l *life) cancelNow(t *rapid.T) {
	if len(l.may) == 0 && rapid.IntRange(0, 9).Draw(t, "early") > 0 {
		t.Skip("too early")
	}
	if _, err := l.w.Campaigns.Cancel(t.Context(), l.id); err != nil {
		if errors.Is(err, campaign.ErrNotAllowed) {
			t.Skip("over")
		}
		t.Fatal(err)
	}
	_, err := l.w.Ledger.Reclaim(t.Context(), l.id)
	l.must(t, err)
}

// resolve is a person's word; whoever is to be sent again has somebody to do it.
func (l *life) resolve(t *rapid.T) {
	if l.launched == "" {
		t.Skip("no rows")
	}
	l.say(t, rapid.SampledFrom([]ledger.Choice{ledger.Accept, ledger.Reject, ledger.Resend, ledger.Resend}).Draw(t, "choice"))
}

func (l *life) say(t *rapid.T, choice ledger.Choice) {
	n, err := l.w.Ledger.Resolve(t.Context(), l.id, choice)
	l.must(t, err)
	if n == 0 || choice == ledger.Accept {
		return
	}
	l.must(t, l.w.Ledger.Export(t.Context(), l.id, func(r ledger.Row) error {
		if (r.State == "pending" || r.State == "rejected") && !r.InFlight {
			delete(l.may, r.Phone) // a person says that they were not taken
		}
		return nil
	}))
	if choice == ledger.Reject {
		return
	}
	_, err = l.w.recovery.Requeue(t.Context(), l.id)
	l.must(t, err)
	rec := l.record(t)
	if rec.State == campaign.Cancelled || rec.State == campaign.Importing {
		return
	}
	open, err := l.w.Ledger.Open(t.Context(), l.id)
	l.must(t, err)
	waiting := map[int]bool{}
	for _, task := range l.rdb.LRange(t.Context(), l.key("pending"), 0, -1).Val() {
		if task != "letter" {
			n, _ := batchOf(task)
			waiting[n] = true
		}
	}
	for _, b := range open {
		if !waiting[b.N] && b.Owner == "" || rec.State == campaign.Finished {
			t.Fatalf("batch %d is to be sent again, the campaign is %s, and nobody will", b.N, rec.State)
		}
	}
}

// queue does to the queue what people and others do.
func (l *life) queue(t *rapid.T) {
	ctx := t.Context()
	if rapid.IntRange(0, 2).Draw(t, "now and then") > 0 {
		t.Skip("nobody meddles")
	}
	switch rapid.SampledFrom([]string{"pause", "delete", "archive", "foreign"}).Draw(t, "to the queue") {
	case "pause":
		l.rdb.Set(ctx, l.key("paused"), 1, 0)
	case "delete":
		if !l.foreign {
			l.rdb.Del(ctx, l.key("pending"), l.key("active"), l.key("completed"), l.key("archived"))
			l.rdb.SRem(ctx, keys.Queues(), l.w.queue.Name(l.id))
			l.meddled = true
		}
	case "archive":
		for _, task := range l.rdb.LRange(ctx, l.key("pending"), 0, -1).Val() {
			if task != "letter" {
				l.rdb.LRem(ctx, l.key("pending"), 1, task)
				l.rdb.ZAdd(ctx, l.key("archived"), redis.Z{Score: 1, Member: task})
				l.meddled = true
			}
		}
	case "foreign":
		if !l.foreign && rapid.IntRange(0, 9).Draw(t, "seldom") == 0 {
			l.rdb.LPush(ctx, l.key("pending"), "letter")
			l.rdb.Set(ctx, l.key("t:letter"), 1, 0)
			l.foreign = true
		}
	}
}

// heed is the supervisor's look at a queue.
func (l *life) heed(t *rapid.T) {
	l.w.stopPaused(t.Context(), []string{l.id}, func(string) {})
	if rec := l.record(t); rec.State == campaign.Running && l.rdb.Exists(t.Context(), l.key("paused")).Val() > 0 {
		t.Fatal("the queue is paused, and the campaign is not")
	}
}

// retire is the supervisor's look at a campaign that is over, or goes on.
func (l *life) retire(t *rapid.T) {
	active, err := l.w.Campaigns.Active(t.Context())
	l.must(t, err)
	for _, rec := range active {
		switch {
		case rec.ID != l.id:
		case rec.State.Over():
			_, err := l.w.retireNow(t.Context(), rec)
			l.must(t, err)
		case rec.Expiring:
			l.must(t, l.w.recovery.Reopen(t.Context(), l.id))
		}
	}
}

// retireLate is a worker that retires a campaign which a person has go on meanwhile,
// or that is cut short.
func (l *life) retireLate(t *rapid.T) {
	if rec := l.record(t); !rec.State.Over() || !l.rdb.SIsMember(t.Context(), keys.Active(), l.id).Val() {
		t.Skip("nothing to retire")
	}
	if settled, err := l.w.settle(t.Context(), l.id); err != nil || !settled {
		t.Skip("somebody has a batch")
	}
	totals, err := l.w.Ledger.Totals(t.Context(), l.id)
	l.must(t, err)
	if totals.Pending > 0 {
		t.Skip("its account is not final")
	}
	account, err := json.Marshal(totals)
	l.must(t, err)
	meanwhile := rapid.SampledFrom([]string{"resolved", "resolved", "cut short"}).Draw(t, "meanwhile")
	err = l.w.Campaigns.Retire(t.Context(), l.id, account, func(ctx context.Context) error {
		if meanwhile == "cut short" {
			return errCut
		}
		l.say(t, ledger.Resend)
		return l.w.Ledger.Expire(ctx, l.id, l.w.Keep)
	})
	if !errors.Is(err, errCut) {
		l.must(t, err)
	}
}

var errCut = errors.New("cut short")
