package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// long measures one campaign of a tenth of the list and one of the whole list,
// each from its file to its end: whether a row costs the same in both, what
// memory the worker has all the while, and how soon a small campaign begins
// beside the large one.
func (b *bench) long(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## A long campaign\n\nnxcloud, three variables, answered at once, 512 in flight, one worker.\n\n"+
		"| rows | import, rows a second | sending, recipients a second | processor, microseconds a recipient | worker's memory, MiB, at tenths of the way |\n|---|---|---|---|---|\n")
	var small spread
	for _, rows := range []int{b.list / 10, b.list} {
		if err := b.longRun(ctx, w, rows, &small); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\nFrom `producer send` of ten rows on the same sender, at tenths of the long one's way, to the first outcome on record: %s ms.\n\n", small.text("%.0f"))
	return nil
}

func (b *bench) longRun(ctx context.Context, w io.Writer, rows int, small *spread) error {
	s, err := b.open(ctx, "in_flight: 512", "--count-only")
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.list(rows); err != nil {
		return err
	}
	if err := s.campaign("long", "nx", "list.csv", ""); err != nil {
		return err
	}
	imported, _, err := s.producer(ctx, "send", "long.yaml", "--no-preflight")
	if err != nil {
		return err
	}
	if err := s.worker(ctx); err != nil {
		return err
	}
	if err := s.awaitCounted(ctx, "long", 1); err != nil {
		return err
	}
	began := time.Now()
	var memory []string
	for tenth := 1; tenth < 10; tenth++ {
		if err := s.awaitCounted(ctx, "long", int64(rows/10*tenth)); err != nil {
			return err
		}
		mib, err := rssOf(s.workers[0])
		if err != nil {
			return err
		}
		memory = append(memory, fmt.Sprintf("%.0f", mib))
		if rows == b.list {
			ms, err := s.smallOne(ctx, fmt.Sprintf("small-%d", tenth))
			if err != nil {
				return err
			}
			*small = append(*small, ms)
		}
	}
	if err := s.awaitFinished(ctx, "long"); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	used, err := s.workersCPU()
	fmt.Fprintf(w, "| %d | %.0f | %.0f | %.1f | %s |\n", rows, float64(rows)/imported.Seconds(), float64(rows)/took,
		used.Seconds()*1e6/float64(rows), strings.Join(memory, " "))
	return err
}

// smallOne sends a campaign of ten rows and says after how many milliseconds the
// first of them has an outcome.
func (s *site) smallOne(ctx context.Context, id string) (float64, error) {
	var list strings.Builder
	list.WriteString("phone,first_name,discount,code\n")
	for i := range 10 {
		fmt.Fprintf(&list, "5511900000%03d,Ana,5%%,c1\n", i)
	}
	if err := s.write(id+".csv", list.String()); err != nil {
		return 0, err
	}
	if err := s.campaign(id, "nx", id+".csv", ""); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, _, err := s.producer(ctx, "send", id+".yaml", "--no-preflight"); err != nil {
		return 0, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		summary, err := s.redis.HGet(ctx, "sluice:{"+id+"}:summary", "0").Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return 0, err
		}
		if acceptedOf(summary) > 0 {
			return float64(time.Since(began).Milliseconds()), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// acceptedOf is how many are accepted by a batch's summary: version, bytes,
// epoch, pending, accepted and so on.
func acceptedOf(summary string) int {
	f := strings.Fields(summary)
	if len(f) < 5 {
		return 0
	}
	n, err := strconv.Atoi(f[4])
	if err != nil {
		return 0
	}
	return n
}
