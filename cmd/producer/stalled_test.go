package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"
)

// A list that stalls in its pipe does not keep a command that was interrupted.
func TestInterruptedWhileTheListStalls(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	file := d.campaign("stalls", "")
	for _, beginning := range []string{"", "phone,name\n5511987654321,Ana\n"} {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(d.ctx)
		ended := make(chan error, 1)
		args := []string{"send", file, "--recipients", "-", "--no-preflight", "--dry-run", "--senders", filepath.Join(d.dir, "senders.yaml")}
		go func() { ended <- run(ctx, args, func(string) string { return "" }, r, io.Discard, io.Discard) }()
		if _, err := io.WriteString(w, beginning); err != nil {
			t.Fatal(err)
		}
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) || exitCode(err) != 1 {
				t.Errorf("exit code %d: %v", exitCode(err), err)
			}
		case <-time.After(time.Minute):
			t.Fatal("it goes on")
		}
		w.Close()
	}
}

func TestUnlessStalled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	if n, err := unlessStalled(ctx, func() (int, error) { return 1, nil }); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	cancel()
	own := errors.New("its own")
	if _, err := unlessStalled(ctx, func() (int, error) { return 0, own }); !errors.Is(err, own) {
		t.Errorf("it ended by itself: %v", err)
	}
	stall := make(chan bool)
	defer close(stall)
	if _, err := unlessStalled(ctx, func() (int, error) { <-stall; return 1, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("stalled: %v", err)
	}
}
