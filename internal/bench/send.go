package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A speed is what one run came to.
type speed struct {
	perSecond float64 // recipients
	cpu       float64 // of the sending process, in microseconds a recipient
}

// A load is what both sides of a pair do.
type load struct {
	name, sender, latency string
	inFlight, rows        int
}

// send measures what the queue, the ledger and the worker cost beside the
// sending itself.
func (b *bench) send(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Sending\n\nRecipients a second, from the first submission to the last outcome on record, by one worker process; the bare loop\n"+
		"makes the same signed POSTs by net/http and does nothing else. Processor time is that of the sending process, in\n"+
		"microseconds a recipient. %d interleaved pairs.\n\n"+
		"| what | bare loop | Sluice | ratio | processor, bare | processor, Sluice | more |\n|---|---|---|---|---|---|---|\n", b.pairs)
	for _, l := range []load{
		{"nxcloud, one recipient a request, answered at once, 64 in flight", "nx", "0s", 64, b.rows},
		{"nxcloud, 20 ms latency, 512 in flight", "nx", "20ms", 512, b.rows},
		{"innopaas, 1000 numbers a request, 16 in flight", "inno", "0s", 16, b.rows * 10},
	} {
		var bare, ours, ratio, bareCPU, oursCPU, more spread
		for range b.pairs {
			x, y, err := b.pair(ctx, l)
			if err != nil {
				return err
			}
			bare, ours, ratio = append(bare, x.perSecond), append(ours, y.perSecond), append(ratio, y.perSecond/x.perSecond)
			bareCPU, oursCPU, more = append(bareCPU, x.cpu), append(oursCPU, y.cpu), append(more, y.cpu-x.cpu)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", l.name, bare.text("%.0f"), ours.text("%.0f"), ratio.text("%.2f"),
			bareCPU.text("%.1f"), oursCPU.text("%.1f"), more.text("%.1f"))
	}
	fmt.Fprintln(w)
	if err := b.peer(ctx, w); err != nil {
		return err
	}
	return b.twoWorkers(ctx, w)
}

// pair measures the bare loop and the worker once each, on one sandbox.
func (b *bench) pair(ctx context.Context, l load) (bare, ours speed, err error) {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: %d", l.inFlight), "--count-only", "--latency", l.latency)
	if err != nil {
		return bare, ours, err
	}
	defer s.close()
	each := 1
	if l.sender == "inno" {
		each = 1000
	}
	began, used := time.Now(), ownCPU()
	if err := bareLoop(ctx, s.sandbox, l.sender, l.inFlight, l.rows/each, each); err != nil {
		return bare, ours, err
	}
	rows := float64(l.rows)
	bare = speed{rows / time.Since(began).Seconds(), (ownCPU() - used).Seconds() * 1e6 / rows}
	ours, err = s.finish(ctx, l, 1)
	return bare, ours, err
}

// finish has a new campaign sent by so many workers, and measures them.
func (s *site) finish(ctx context.Context, l load, workers int) (speed, error) {
	if err := s.imported(ctx, "speed", l.sender, l.rows); err != nil {
		return speed{}, err
	}
	before, err := s.report(ctx)
	if err != nil {
		return speed{}, err
	}
	for range workers {
		if err := s.worker(ctx); err != nil {
			return speed{}, err
		}
	}
	if err := s.awaitCounted(ctx, "speed", before.Counted+1); err != nil {
		return speed{}, err
	}
	began := time.Now()
	if err := s.awaitFinished(ctx, "speed"); err != nil {
		return speed{}, err
	}
	took := time.Since(began)
	used, err := s.workersCPU()
	rows := float64(l.rows)
	return speed{rows / took.Seconds(), used.Seconds() * 1e6 / rows}, err
}

// imported writes a list and imports a campaign of it.
func (s *site) imported(ctx context.Context, id, sender string, rows int) error {
	if err := s.list(rows); err != nil {
		return err
	}
	if err := s.campaign(id, sender, "list.csv", ""); err != nil {
		return err
	}
	_, _, err := s.producer(ctx, "send", id+".yaml", "--no-preflight")
	return err
}

// twoWorkers measures what a second worker adds where the provider's latency
// bounds each.
func (b *bench) twoWorkers(ctx context.Context, w io.Writer) error {
	var one, two, ratio spread
	for range b.pairs {
		x, err := b.workersAt(ctx, 1)
		if err != nil {
			return err
		}
		y, err := b.workersAt(ctx, 2)
		if err != nil {
			return err
		}
		one, two, ratio = append(one, x), append(two, y), append(ratio, y/x)
	}
	fmt.Fprintf(w, "| 20 ms latency, 64 in flight for each worker | one worker | two workers | ratio |\n|---|---|---|---|\n"+
		"| recipients a second | %s | %s | %s |\n\n", one.text("%.0f"), two.text("%.0f"), ratio.text("%.2f"))
	return nil
}

func (b *bench) workersAt(ctx context.Context, workers int) (float64, error) {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: %d", 64*workers), "--count-only", "--latency", "20ms")
	if err != nil {
		return 0, err
	}
	defer s.close()
	x, err := s.finish(ctx, load{sender: "nx", rows: b.rows / 5 * workers}, workers)
	return x.perSecond, err
}
