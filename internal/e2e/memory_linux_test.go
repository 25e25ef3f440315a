package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// An import's memory grows with the set of the numbers that were seen alone: ten
// million rows stay within 192 MiB.
func TestImportMemory(t *testing.T) {
	t.Parallel()
	const (
		rows   = 1_000_000
		atMost = 64 + 128*rows/10_000_000 // MiB
	)
	w := newWorld(t)
	w.scattered("long.csv", rows)
	r := w.runTo(io.Discard, "producer", "send", w.nxCampaign("long", "long.csv", "rate: {messages_per_second: 0.1}"), "--no-preflight")
	if r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if a := w.status("long"); a.Pending != rows {
		t.Fatalf("%+v", a)
	}
	t.Logf("%d MiB", r.peak)
	if r.peak > atMost {
		t.Errorf("the import of %d rows had %d MiB at most, want %d", rows, r.peak, atMost)
	}
}

// scattered writes a list of n numbers in no order, each of them once.
func (w *world) scattered(name string, n int) {
	w.t.Helper()
	f, err := os.Create(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(out, "phone,name")
	x := uint64(1)
	for i := range n {
		x = (x + 1_567_890_121) % 900_000_000
		fmt.Fprintf(out, "55%d9%08d,name%d\n", 11+x/100_000_000, x%100_000_000, i)
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		w.t.Fatal(err)
	}
}
