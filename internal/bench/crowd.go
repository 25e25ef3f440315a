package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// crowdFor is how long a crowd of campaigns is looked at, once all of it has begun.
const crowdFor = 10 * time.Second

// A crowdCase is many campaigns of one sender.
type crowdCase struct {
	campaigns, limit, rows int
	own                    int // each campaign's own limit; 0: none
}

// crowd measures many campaigns of one sender, each of a batch or less, sent by one
// worker.
func (b *bench) crowd(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Many campaigns of one sender\n\nnxcloud, campaigns of a batch or less, one worker, %s once everybody has begun. Off is the campaign farthest from an equal part.\n\n"+
		"| campaigns | limit a second | own limits | all have begun after, s | of what is due | farthest off an equal part, messages | Redis' processor, %% of a core | a new campaign's first outcome, from `producer send`, ms |\n|---|---|---|---|---|---|---|---|\n", crowdFor)
	for _, c := range []crowdCase{{100, 1000, 400, 0}, {1000, 1000, 60, 0}, {300, 2000, 120, 3}} {
		row, err := b.oneCrowd(ctx, c)
		if err != nil {
			return err
		}
		fmt.Fprint(w, row)
		fmt.Fprint(b.stdout, row)
	}
	fmt.Fprintln(w)
	return nil
}

func (b *bench) oneCrowd(ctx context.Context, c crowdCase) (string, error) {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: 1000, messages_per_second: %d", c.limit), "--count-only", "--latency", "20ms")
	if err != nil {
		return "", err
	}
	defer s.close()
	due, own := float64(c.limit), "none"
	more := ""
	if c.own > 0 {
		due, own, more = min(due, float64(c.campaigns*c.own)), fmt.Sprint(c.own), fmt.Sprintf("rate: {messages_per_second: %d}", c.own)
	}
	if err := s.importCrowd(ctx, c, more); err != nil {
		return "", err
	}
	if err := s.worker(ctx); err != nil {
		return "", err
	}
	began := time.Now()
	if err := s.until(ctx, func() (bool, error) {
		counts, err := s.acceptedOfCrowd(ctx, c.campaigns)
		for _, n := range counts {
			if n == 0 {
				return false, err
			}
		}
		return true, err
	}); err != nil {
		return "", err
	}
	all := time.Since(began)
	used, err := s.usage(ctx)
	if err != nil {
		return "", err
	}
	before, err := s.acceptedOfCrowd(ctx, c.campaigns)
	if err != nil {
		return "", err
	}
	looked := time.Now()
	if err := sleep(ctx, crowdFor); err != nil {
		return "", err
	}
	since, err := s.usage(ctx)
	if err != nil {
		return "", err
	}
	after, err := s.acceptedOfCrowd(ctx, c.campaigns)
	if err != nil {
		return "", err
	}
	took := time.Since(looked).Seconds()
	worst, equal := 0.0, 0.0
	for i := range after {
		equal += (after[i] - before[i]) / float64(c.campaigns)
	}
	for i := range after {
		worst = max(worst, after[i]-before[i]-equal, equal-(after[i]-before[i]))
	}
	ms, err := s.smallOne(ctx, "new")
	return fmt.Sprintf("| %d | %d | %s | %.1f | %.1f %% | %.1f of %.1f | %.0f | %.0f |\n", c.campaigns, c.limit, own, all.Seconds(),
		100*float64(since.taken-used.taken)/took/due, worst, equal, 100*(since.cpu-used.cpu)/took, ms), err
}

// importCrowd launches the campaigns.
func (s *site) importCrowd(ctx context.Context, c crowdCase, more string) error {
	if err := s.list(c.rows); err != nil {
		return err
	}
	g, importing := errgroup.WithContext(ctx)
	g.SetLimit(importsAtOnce)
	for i := range c.campaigns {
		g.Go(func() error {
			id := fmt.Sprintf("crowd-%d", i)
			if err := s.campaign(id, "nx", "list.csv", more); err != nil {
				return err
			}
			_, _, err := s.producer(importing, "send", id+".yaml", "--no-preflight")
			return err
		})
	}
	return g.Wait()
}

// acceptedOfCrowd is how many of each campaign's recipients are, by one round trip.
func (s *site) acceptedOfCrowd(ctx context.Context, campaigns int) ([]float64, error) {
	asked := make([]*redis.StringCmd, campaigns)
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range asked {
			asked[i] = p.HGet(ctx, fmt.Sprintf("sluice:{crowd-%d}:summary", i), "0")
		}
		return nil
	})
	if err != nil && !strings.Contains(err.Error(), "nil") {
		return nil, fmt.Errorf("asking for the summaries: %w", err)
	}
	counts := make([]float64, campaigns)
	for i, a := range asked {
		counts[i] = float64(acceptedOf(a.Val()))
	}
	return counts, nil
}
