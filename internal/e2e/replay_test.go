package e2e

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/desk"
	"sluice/internal/keys"
	"sluice/internal/sandbox"
)

// wiped takes keys out of Redis, by their beginnings, and returns what they held.
func (w *world) wiped(patterns ...string) map[string]string {
	w.t.Helper()
	held := map[string]string{}
	for _, pattern := range patterns {
		names, err := w.rdb.Keys(w.t.Context(), pattern).Result()
		if err != nil || len(names) == 0 {
			w.t.Fatalf("nothing is there of %s: %v", pattern, err)
		}
		for _, name := range names {
			dump, err := w.rdb.Dump(w.t.Context(), name).Result()
			if err != nil {
				w.t.Fatal(err)
			}
			held[name] = dump
		}
		w.rdb.Del(w.t.Context(), names...)
	}
	return held
}

// run0 runs a program to its end, which must be a good one.
func (w *world) run0(name string, args ...string) string {
	w.t.Helper()
	out, code := w.run(name, args...)
	if code != 0 {
		w.t.Fatalf("%s %v: %d\n%s", name, args, code, w.logs.tail(4000))
	}
	return out
}

// What Redis has lost of receipts comes back from a receiver's folder, once or as often
// as one likes; and what follows from them, and the index of numbers, by a verify.
func TestReceiptsReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{Delay: 20 * time.Millisecond, Step: 200 * time.Millisecond, Shuffle: true, Undelivered: 0.2, Read: 0.5, Repeat: 0.2, NoNinth: 0.3, Together: 3}, "")
	w.listFrom("list.csv", 70_000_000, 300)
	receiver := w.receiver(addr)
	w.start("worker")
	w.run("producer", "send", w.nxCampaign("nx", "list.csv", ""), "--no-preflight")
	w.run("producer", "send", w.innoCampaign("inno", "list.csv", ""), "--no-preflight")
	ids := []string{"nx", "inno"}
	for _, id := range ids {
		w.awaitState(id, "finished", time.Minute)
	}
	w.judgeReceipts("nx", "nxcloud")
	w.judgeReceipts("inno", "innopaas")
	receiver.stop(30 * time.Second) // it would see the loss, and apply what it has noted last
	of := func(id string) string { return w.run0("producer", "export", id) + w.run0("producer", "status", id) }
	before := map[string]string{"nx": of("nx"), "inno": of("inno")}
	same := func(when string) {
		t.Helper()
		for _, id := range ids {
			if diff := cmp.Diff(before[id], of(id)); diff != "" {
				t.Errorf("%s, %s is another (-was +is):\n%.2000s", when, id, diff)
			}
		}
	}
	dir := filepath.Join(w.dir, "spool")
	replay := func(args ...string) (done desk.Replayed) {
		t.Helper()
		out := w.run0("producer", append([]string{"receipts", "replay", "--dir", dir, "--json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &done); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return done
	}
	wipe := func() { w.wiped(keys.Receipts("*", 0), keys.Funnel("*")) }
	wipe()
	if r := w.status("nx").Receipts; r.Awaiting != 300 {
		t.Fatalf("%+v", *r)
	}
	if done := replay("--dry-run"); done.Callbacks == 0 || done.Receipts < 2*300 || w.status("nx").Receipts.Awaiting != 300 {
		t.Errorf("a dry run: %+v", done)
	}
	if done := replay("--from", "2000-01-01T00:00:00Z", "--to", "2001-01-01T00:00:00Z"); done.Callbacks != 0 || w.status("nx").Receipts.Awaiting != 300 {
		t.Errorf("of another time: %+v", done)
	}
	if replay("--sender", "promo-br"); w.status("nx").Receipts.Awaiting != 0 || w.status("inno").Receipts.Awaiting != 300 {
		t.Errorf("of one sender: %+v %+v", *w.status("nx").Receipts, *w.status("inno").Receipts)
	}
	for range 2 {
		replay()
		same("after a replay")
	}
	wipe()
	replay()
	same("after all of it at once")
	if out, code := w.run("producer", "receipts", "replay", "--dir", dir, "--from", "2001-01-01T00:00:00Z", "--to", "2000-01-01T00:00:00Z"); code != 2 {
		t.Errorf("%d %s", code, out)
	}
	// What is derived is made anew, the same to the byte.
	held := w.wiped(keys.Funnel("*"), keys.Phones("*", 0), keys.Index("*"))
	for _, id := range ids {
		if out, code := w.run("producer", "verify", id); code != 0 {
			t.Errorf("verify %s: %d %s", id, code, out)
		}
	}
	same("after a verify")
	again := w.wiped(keys.Funnel("*"), keys.Phones("*", 0), keys.Index("*"))
	if diff := cmp.Diff(held, again); diff != "" {
		t.Errorf("(-was +is):\n%.2000q", diff)
	}
}
