package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/internal/sandbox"
)

// A receiver is put beside workers that know nothing of receipts, and those are
// replaced one by one while both campaigns go on: everything that was answered 200 is
// in, doubts of what the old ones submitted resolve themselves, nobody gets two.
func TestReceiverBesideOlderWorkers(t *testing.T) {
	t.Parallel()
	const people = 600
	w := newWorld(t)
	w.writeSenders("", "")
	path := filepath.Join(w.dir, "senders.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := w.file("before.yaml", string(text))
	older := []*process{w.start("worker", "--senders", before), w.start("worker", "--senders", before)}
	addr := w.receiving(sandbox.Callbacks{Delay: 20 * time.Millisecond, Step: 200 * time.Millisecond, Shuffle: true, Read: 0.5, Repeat: 0.2, Undelivered: 0.1, NoNinth: 0.3}, "")
	w.post("/_sandbox/faults", "faults:\n  - {rate: 0.1, provider: innopaas, do: cut_after}\n")
	w.listFrom("nx.csv", 70_000_000, people)
	w.listFrom("inno.csv", 71_000_000, people)
	for id, file := range map[string]string{
		"nx":   w.nxCampaign("nx", "nx.csv", "rate: {messages_per_second: 100}"),
		"inno": w.innoCampaign("inno", "inno.csv", "rate: {messages_per_second: 100}"),
	} {
		w.run0("producer", "send", file, "--no-preflight")
		w.awaitAccount(id, "begun", time.Minute, func(a account) bool { return a.Accepted > 0 })
	}
	w.receiver(addr)
	w.awaitAccount("nx", "counted", time.Minute, func(a account) bool { return a.Receipts.Awaiting < a.Accepted })
	w.start("worker")
	for _, one := range older {
		one.stop(30 * time.Second)
	}
	for _, id := range []string{"nx", "inno"} {
		w.awaitState(id, "finished", 2*time.Minute)
	}
	a := w.awaitAccount("inno", "free of doubt", time.Minute, func(a account) bool { return a.InDoubt == 0 })
	if a.Accepted != people {
		t.Errorf("%d of %d accepted", a.Accepted, people)
	}
	w.judgeReceipts("nx", "nxcloud")
	w.judgeReceipts("inno", "innopaas")
	w.judge("nx", "inno")
	for _, id := range []string{"nx", "inno"} {
		w.run0("producer", "verify", id)
	}
}
