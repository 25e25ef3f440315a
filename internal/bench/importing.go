package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// importing measures import, memory, commands and export on one long list.
func (b *bench) importing(ctx context.Context, w io.Writer) error {
	s, err := b.open(ctx, "in_flight: 256", "--count-only")
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.list(b.list); err != nil {
		return err
	}
	var plain, ours, ratio, rss spread
	rows := float64(b.list)
	for i := range b.pairs {
		// Nothing is left for Redis to do while the plain reading is measured.
		if err := s.redis.FlushAll(ctx).Err(); err != nil {
			return err
		}
		x, err := readPlain(filepath.Join(s.dir, "list.csv"))
		if err != nil {
			return err
		}
		id := fmt.Sprintf("import-%d", i)
		if err := s.campaign(id, "nx", "list.csv", "rate: {messages_per_second: 0.1}"); err != nil {
			return err
		}
		y, kib, err := s.producer(ctx, "send", id+".yaml", "--no-preflight")
		if err != nil {
			return err
		}
		plain, ours = append(plain, rows/x.Seconds()), append(ours, rows/y.Seconds())
		ratio, rss = append(ratio, x.Seconds()/y.Seconds()), append(rss, float64(kib)/1024)
	}
	// What the set of numbers seen takes, and room for all else.
	if most, atMost := slices.Max(rss), 64+128*rows/10e6; most > atMost {
		return fmt.Errorf("the import of %d rows had %.0f MiB, and %.0f is the most it may have", b.list, most, atMost)
	}
	fmt.Fprintf(w, "## Import and export\n\n%d rows with three variables.\n\n| what | |\n|---|---|\n", b.list)
	fmt.Fprintf(w, "| encoding/csv with ReuseRecord alone, rows a second | %s |\n", plain.text("%.0f"))
	fmt.Fprintf(w, "| import into Redis, rows a second | %s |\n", ours.text("%.0f"))
	fmt.Fprintf(w, "| ratio | %s |\n| most memory of the producer, MiB | %s |\n", ratio.text("%.2f"), rss.text("%.0f"))
	took, kib, err := s.producer(ctx, "export", fmt.Sprintf("import-%d", b.pairs-1), "-o", "out.csv")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| export of all rows, rows a second | %.0f |\n| most memory of the export, MiB | %.0f |\n", rows/took.Seconds(), float64(kib)/1024)
	if took, err = s.suppressed(ctx, b.list/10); err != nil {
		return err
	}
	fmt.Fprintf(w, "| import with a tenth of the numbers suppressed, rows a second | %.0f |\n\n", rows/took.Seconds())
	return b.budget(ctx, w)
}

// suppressed is how long the list's import takes with its first n numbers
// suppressed.
func (s *site) suppressed(ctx context.Context, n int) (time.Duration, error) {
	f, err := os.Open(filepath.Join(s.dir, "list.csv"))
	if err != nil {
		return 0, fmt.Errorf("reading the list: %w", err)
	}
	defer f.Close()
	var first strings.Builder
	for lines := bufio.NewScanner(f); n >= 0 && lines.Scan(); n-- { // and the header
		fmt.Fprintln(&first, lines.Text())
	}
	if err := s.write("suppressed.csv", first.String()); err != nil {
		return 0, err
	}
	if err := s.redis.FlushAll(ctx).Err(); err != nil {
		return 0, err
	}
	if _, _, err := s.producer(ctx, "suppress", "import", "suppressed.csv"); err != nil {
		return 0, err
	}
	if err := s.campaign("suppressed", "nx", "list.csv", "rate: {messages_per_second: 0.1}"); err != nil {
		return 0, err
	}
	took, _, err := s.producer(ctx, "send", "suppressed.yaml", "--no-preflight")
	return took, err
}

// readPlain reads a list with encoding/csv and nothing else.
func readPlain(path string) (time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("reading the list: %w", err)
	}
	defer f.Close()
	began := time.Now()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			return time.Since(began), nil
		} else if err != nil {
			return 0, fmt.Errorf("reading the list: %w", err)
		}
	}
}

// budget measures what one campaign costs Redis, from import to finished.
func (b *bench) budget(ctx context.Context, w io.Writer) error {
	s, err := b.open(ctx, "in_flight: 64", "--count-only")
	if err != nil {
		return err
	}
	defer s.close()
	if err := errors.Join(s.list(b.rows), s.campaign("budget", "nx", "list.csv", "")); err != nil {
		return err
	}
	n := float64(b.rows)
	empty, err := s.memory(ctx)
	if err != nil {
		return err
	}
	commands, err := s.commands(ctx)
	if err != nil {
		return err
	}
	if _, _, err := s.producer(ctx, "send", "budget.yaml", "--no-preflight"); err != nil {
		return err
	}
	staged, err := s.memory(ctx)
	if err != nil {
		return err
	}
	if err := s.worker(ctx); err != nil {
		return err
	}
	if err := s.awaitCounted(ctx, "budget", int64(b.rows)); err != nil {
		return err
	}
	if err := s.awaitFinished(ctx, "budget"); err != nil {
		return err
	}
	after, err := s.commands(ctx)
	if err != nil {
		return err
	}
	settled, err := s.memory(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## What a campaign costs Redis\n\nnxcloud, %d recipients with three variables, message_ids of 23 characters.\n\n| what | |\n|---|---|\n", b.rows)
	fmt.Fprintf(w, "| commands a recipient, from import to finished, those inside scripts too | %.3f |\n", (after-commands)/n)
	fmt.Fprintf(w, "| bytes a pending recipient, the queue included | %.1f |\n", (staged-empty)/n)
	fmt.Fprintf(w, "| bytes a settled recipient beside that | %.1f |\n\n", (settled-staged)/n)
	return nil
}
