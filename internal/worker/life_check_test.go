package worker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/campaign"
	"sluice/internal/export"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
	"sluice/internal/sender"
	"sluice/internal/status"
)

// check is what holds after each step.
func (l *life) check(t *rapid.T) {
	rec := l.record(t)
	ctx := t.Context()
	for phone := range l.taken {
		if list := phone[:1]; list != "x" && (l.launched == "" || list != l.launched[:1]) {
			t.Fatalf("%s was sent to, and the launched list is %q", phone, l.launched)
		}
	}
	counts := map[string]int{}
	err := l.w.Ledger.Export(ctx, l.id, func(r ledger.Row) error {
		row := export.NewRow(r, rec.State == campaign.Cancelled, func(string) string { return "" })
		counts[row.State]++
		if rec.State.Over() && len(l.may[row.Phone]) > 0 && (row.State == "cancelled" || row.State == "pending") {
			return fmt.Errorf("%s may have been taken, and is %s", row.Phone, row.State)
		}
		if rec.State == campaign.Finished && row.State == "pending" && !l.rdb.SIsMember(ctx, keys.Active(), l.id).Val() {
			return fmt.Errorf("%s is pending for ever in a finished campaign", row.Phone)
		}
		return nil
	})
	l.must(t, err)
	st, err := status.Source{Redis: l.rdb, Ledger: l.w.Ledger, Campaigns: l.w.Campaigns, Now: l.w.Now}.Get(ctx, l.id)
	l.must(t, err)
	if st.Rows != st.Pending+st.Accepted+st.Rejected+st.InDoubt+st.Cancelled || st.Cancelled != counts["cancelled"] || st.Accepted != counts["accepted"] {
		t.Fatalf("%+v, exported %v", st, counts)
	}
	if l.launched != "" && st.Rows != batchesOf(l.launched)*lifeSize {
		t.Fatalf("%d rows, and the launched list has %d", st.Rows, batchesOf(l.launched)*lifeSize)
	}
	l.reachable(t, rec)
	retired := rec.State.Over() && !l.rdb.SIsMember(ctx, keys.Active(), l.id).Val()
	if owned, err := l.w.Ledger.Owned(ctx, l.id); err != nil || retired && owned > 0 {
		t.Fatalf("its account is final, and %d batches are in somebody's hands, %v", owned, err)
	}
	for _, key := range l.rdb.Keys(ctx, keys.Campaign(l.id)+":*").Val() {
		ttl := l.rdb.TTL(ctx, key).Val()
		if retired && ttl < 0 {
			t.Fatalf("the campaign is retired, and %s stays for ever", key)
		}
		// What happened is told for a month, and nothing rests on it.
		if !rec.State.Over() && !rec.Expiring && ttl >= 0 && key != keys.Importer(l.id) && key != keys.Events(l.id) {
			t.Fatalf("the campaign is %s, and %s expires in %s", rec.State, key, ttl)
		}
	}
	if l.foreign && l.rdb.Exists(ctx, l.key("t:letter")).Val() == 0 {
		t.Fatal("a foreign task is gone")
	}
}

// reachable says that whoever is pending in a campaign that runs has a task, or a
// worker that lives, or one whose death is going to be noticed. Where people have
// deleted tasks, the queue is rebuilt once it is empty, which drain sees to.
func (l *life) reachable(t *rapid.T, rec *campaign.Record) {
	if rec.State != campaign.Running {
		return
	}
	ctx := t.Context()
	open, err := l.w.Ledger.Open(ctx, l.id)
	l.must(t, err)
	if len(open) > 0 && !l.rdb.SIsMember(ctx, keys.Active(), l.id).Val() {
		t.Fatal("the campaign runs, and no supervisor looks at it")
	}
	reached := map[int]bool{}
	for _, list := range []string{"pending", "active"} {
		for _, task := range l.rdb.LRange(ctx, l.key(list), 0, -1).Val() {
			if n, ours := batchOf(task); ours {
				reached[n] = true
			}
		}
	}
	orphans, err := l.w.Ledger.Orphans(ctx, l.id)
	l.must(t, err)
	for _, o := range orphans {
		reached[o.Batch] = true
	}
	for _, b := range open {
		alive := b.Owner != "" && l.rdb.Exists(ctx, keys.Worker(b.Owner)).Val() > 0
		if !reached[b.N] && !alive && !l.meddled {
			t.Fatalf("batch %d is open, held by %q, and nobody comes to it", b.N, b.Owner)
		}
	}
}

// launch imports the list a undisturbed.
func (l *life) launch(t *rapid.T) {
	generation, err := l.w.Campaigns.BeginImport(t.Context(), l.id)
	l.must(t, err)
	l.newest = generation
	l.runs = []*importRun{{list: "a", generation: generation}}
	for len(l.runs) > 0 && l.launched == "" {
		l.goOn(t)
	}
}

// compete has two runs of the import go on in any order.
func (l *life) compete(t *rapid.T) {
	l.beginImport(t)
	l.beginImport(t)
	for range rapid.IntRange(4, 12).Draw(t, "turns") {
		if len(l.runs) > 0 {
			l.goOn(t)
		}
	}
}

// finishInDoubt brings a campaign to its end with somebody in doubt, and perhaps a
// task at work whose worker is gone.
func (l *life) finishInDoubt(t *rapid.T) {
	for range lifeBatches {
		task := l.rdb.LMove(t.Context(), l.key("pending"), l.key("active"), "RIGHT", "LEFT").Val()
		n, _ := batchOf(task)
		l.claim(t, "a", n, task)
		h := l.hands[0]
		l.submitAll(t, h, lifeSize)
		l.settle(t, h, rapid.SampledFrom([]sender.Outcome{sender.Accepted, sender.Unknown}).Draw(t, "outcome"))
		switch rapid.IntRange(0, 3).Draw(t, "its task") {
		case 0: // it died before the acknowledgement
			h.task = ""
		case 1: // and the queue has noticed
			l.back(t, task)
			h.task = ""
		}
		l.endOf(t, h)
	}
}

// drain has everything that stops a campaign end, and those that work on it work:
// whoever is pending is reached.
func (l *life) drain(t *rapid.T) {
	rec := l.record(t)
	if rec.State == campaign.Importing || rec.State == campaign.Cancelled {
		return
	}
	for _, worker := range slices.Collect(maps.Keys(l.alive)) {
		l.silence(t, worker) // all are gone that were
	}
	l.hands = nil
	l.rdb.LRem(t.Context(), l.key("pending"), 0, "letter")
	l.must(t, l.w.queue.Unpause(t.Context(), l.id))
	for range 10 {
		if _, err := l.w.Campaigns.Resume(t.Context(), l.id); err != nil && !errors.Is(err, campaign.ErrNotAllowed) {
			t.Fatal(err)
		}
		l.retire(t)
		if l.record(t).State == campaign.Finished {
			return
		}
		orphans, err := l.w.Ledger.Orphans(t.Context(), l.id)
		l.must(t, err)
		for _, o := range orphans {
			l.claim(t, "b", o.Batch, "")
		}
		l.stall(t)
		l.endOrRequeue(t)
		for {
			task := l.rdb.LMove(t.Context(), l.key("pending"), l.key("active"), "RIGHT", "LEFT").Val()
			if task == "" {
				break
			}
			n, _ := batchOf(task)
			l.claim(t, "b", n, task)
		}
		for len(l.hands) > 0 {
			l.submitAll(t, l.hands[0], lifeSize)
			l.endOf(t, l.hands[0])
		}
		_, err = l.w.Campaigns.Finish(t.Context(), l.id)
		l.must(t, err)
	}
	t.Fatalf("the campaign is %s, and does not end", l.record(t).State)
}

// TestLife goes through campaigns' whole lives: importers with equal and unequal
// lists, workers that claim, send, die and come back, people who move, resolve and
// meddle with the queue, and the end of it all.
func TestLife(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t, "--appendfsync", "no").Client(t)
	var lives atomic.Int64
	for part := range 3 {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { oneLife(t, rdb, fmt.Sprint("l", lives.Add(1))) })
		})
	}
}

// oneLife is a campaign's, from one of five beginnings.
func oneLife(t *rapid.T, rdb *redis.Client, id string) {
	l := newLife(t, rdb, id)
	defer rdb.SRem(t.Context(), keys.Active(), l.id)
	switch rapid.IntRange(0, 4).Draw(t, "begin with") {
	case 0:
		l.compete(t)
	case 1, 2:
		l.launch(t)
	case 3:
		l.launch(t)
		l.finishInDoubt(t)
	case 4:
		l.importAtOnce(t)
	}
	t.Repeat(map[string]func(*rapid.T){
		"": l.check, "import": l.beginImport, "go on": l.goOn, "go on again": l.goOn,
		"take": l.take, "take more": l.take, "submit": l.submit, "submit more": l.submit,
		"answer": l.answer, "end": l.end, "die": l.die, "take over": l.takeOver, "stall": l.stall,
		"fall silent": l.fallSilent, "retire late": l.retireLate,
		"move": l.move, "cancel": l.cancelNow, "resolve": l.resolve, "submit once more": l.submit, "take once more": l.take, "queue": l.queue, "heed": l.heed, "retire": l.retire, "retire again": l.retire,
	})
	l.drain(t)
	l.check(t)
}
