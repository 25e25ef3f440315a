package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// send measures what the queue, the ledger and the worker cost beside the
// sending itself.
func (b *bench) send(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Sending\n\nRecipients a second, from the first submission to the last outcome on record, by one worker process; the bare loop\n"+
		"makes the same signed POSTs by net/http and does nothing else. %d recipients a run, %d interleaved pairs.\n\n"+
		"| what | bare loop | Sluice | ratio |\n|---|---|---|---|\n", b.rows, b.pairs)
	for _, c := range []struct {
		name, sender, latency string
		inFlight, rows        int
	}{
		{"nxcloud, one recipient a request, answered at once, 64 in flight", "nx", "0s", 64, b.rows},
		{"nxcloud, 20 ms latency, 512 in flight", "nx", "20ms", 512, b.rows},
		{"innopaas, 1000 numbers a request, 16 in flight", "inno", "0s", 16, b.rows * 10},
	} {
		var bare, ours, ratio spread
		for range b.pairs {
			x, y, err := b.pair(ctx, c.sender, c.latency, c.inFlight, c.rows)
			if err != nil {
				return err
			}
			bare, ours, ratio = append(bare, x), append(ours, y), append(ratio, y/x)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", c.name, bare.text("%.0f"), ours.text("%.0f"), ratio.text("%.2f"))
	}
	fmt.Fprintln(w)
	return nil
}

// pair measures the bare loop and the worker once each, on one sandbox.
func (b *bench) pair(ctx context.Context, sender, latency string, inFlight, rows int) (bare, ours float64, err error) {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: %d", inFlight), "--count-only", "--latency", latency)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	each := 1
	if sender == "inno" {
		each = 1000
	}
	began := time.Now()
	if err := bareLoop(ctx, s.sandbox, sender, inFlight, rows/each, each); err != nil {
		return 0, 0, err
	}
	bare = float64(rows) / time.Since(began).Seconds()
	if err := s.list(rows); err != nil {
		return 0, 0, err
	}
	if err := s.campaign("speed", sender, "list.csv", ""); err != nil {
		return 0, 0, err
	}
	if _, _, err := s.producer(ctx, "send", "speed.yaml", "--no-preflight"); err != nil {
		return 0, 0, err
	}
	before, err := s.report(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := s.worker(ctx); err != nil {
		return 0, 0, err
	}
	if err := s.awaitCounted(ctx, before.Counted+1); err != nil {
		return 0, 0, err
	}
	began = time.Now()
	if err := s.awaitState(ctx, "speed", "finished"); err != nil {
		return 0, 0, err
	}
	return bare, float64(rows) / time.Since(began).Seconds(), nil
}
