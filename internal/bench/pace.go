package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A paceCase is one row of the table.
type paceCase struct {
	limit, workers, campaigns int
	latency                   string
	kill                      time.Duration // how often a worker is, and Redis once; 0: never
	away                      time.Duration // Redis is from the workers
}

// pace measures how a limit is kept and used, by the sandbox' own clock. Slow
// cases run beside each other.
func (b *bench) pace(ctx context.Context, w io.Writer) error {
	fmt.Fprint(w, "## Pace\n\nBy the sandbox' log of arrivals: the most messages in any sliding second, and the average from the first arrival to the\n"+
		"last, as shares of the limit; whole campaigns, their beginning and end included. Shares are how far a campaign's part of\n"+
		"the messages is from an equal one, in the middle half of the time. Where workers are killed, so often in 40 seconds, and\n"+
		"Redis once; there the campaign is longer than that. All runs on one machine, and the sandbox goes first where the\n"+
		"system allows it, for its own delays would count as the workers'.\n\n"+
		"| limit | workers | latency | campaigns | | most in a second | average | slot requests a message | shares |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, limit := range []struct{ perSecond, atOnce int }{{1, 9}, {20, 6}, {80, 4}, {500, 1}, {2000, 1}} {
		if b.distant || b.limit != 0 && b.limit != limit.perSecond {
			continue
		}
		var cases []paceCase
		for _, workers := range []int{1, 3, 8} {
			for _, latency := range []string{"0s", "50ms", "300ms"} {
				for _, campaigns := range []int{1, 5} {
					cases = append(cases, paceCase{limit: limit.perSecond, workers: workers, campaigns: campaigns, latency: latency})
				}
			}
		}
		if limit.perSecond >= 80 {
			for _, kill := range []time.Duration{10 * time.Second, 2 * time.Second} {
				cases = append(cases, paceCase{limit: limit.perSecond, workers: 3, campaigns: 1, latency: "50ms", kill: kill})
			}
		}
		cases = slices.DeleteFunc(cases, func(c paceCase) bool { return b.crew != 0 && b.crew != c.workers })
		rows := make([]string, len(cases))
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(limit.atOnce)
		for i, c := range cases {
			g.Go(func() (err error) {
				rows[i], err = b.onePace(ctx, c)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		fmt.Fprint(w, strings.Join(rows, ""))
	}
	fmt.Fprintln(w)
	if b.limit != 0 && !b.distant {
		return nil
	}
	return b.far(ctx, w)
}

func (b *bench) onePace(ctx context.Context, c paceCase) (string, error) {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: 4000, messages_per_second: %d", c.limit), "--latency", c.latency)
	if err != nil {
		return "", err
	}
	defer s.close()
	if err := s.sendAll(ctx, c); err != nil { // before the workers, so that all campaigns begin at once
		return "", err
	}
	if c.away > 0 {
		if s.near, err = s.delayed(ctx, c.away); err != nil {
			return "", err
		}
	}
	for range c.workers {
		if err := s.worker(ctx); err != nil {
			return "", err
		}
	}
	began := time.Now()
	length := s.length(c)
	if c.kill > 0 {
		if err := s.killEvery(ctx, c.kill, length); err != nil {
			return "", err
		}
	}
	shares := ""
	if c.campaigns > 1 && c.limit >= 80 { // below, there is too little to share
		if shares, err = s.shares(ctx, c.campaigns, length/4-time.Since(began), length/2); err != nil {
			return "", err
		}
	}
	if c.kill == 0 {
		for i := range c.campaigns {
			if err := s.awaitFinished(ctx, fmt.Sprintf("pace-%d", i)); err != nil {
				return "", err
			}
		}
	}
	r, err := s.report(ctx)
	if err != nil {
		return "", err
	}
	asked, err := s.slotRequests(ctx)
	if err != nil {
		return "", err
	}
	note := ""
	if c.away > 0 {
		note = fmt.Sprintf("Redis %s away", c.away)
	}
	if c.kill > 0 {
		note = fmt.Sprintf("one killed every %.0f s", c.kill.Seconds())
	}
	took := time.Duration(r.LastUS-r.FirstUS) * time.Microsecond
	row := fmt.Sprintf("| %d | %d | %s | %d | %s | %.1f %% | %.1f %% | %.3f | %s |\n", c.limit, c.workers, c.latency, c.campaigns, note,
		100*float64(r.MaxPerSecond)/float64(c.limit), 100*float64(r.Messages-1)/took.Seconds()/float64(c.limit), asked/float64(r.Messages), shares)
	fmt.Fprint(b.stdout, row)
	return row, nil
}

// length is about how long a case takes.
func (s *site) length(c paceCase) time.Duration {
	switch {
	case c.kill > 0:
		return 40 * time.Second
	case c.limit == 1:
		return 20 * time.Second
	}
	return 10 * time.Second
}

// sendAll launches the case's campaigns, which together take its length, or where
// workers are killed ten times that: what a dead worker has is no work for three seconds.
func (s *site) sendAll(ctx context.Context, c paceCase) error {
	rows := int(s.length(c).Seconds()) * c.limit / c.campaigns
	if c.kill > 0 {
		rows *= 10
	}
	if err := s.list(rows); err != nil {
		return err
	}
	for i := range c.campaigns {
		id := fmt.Sprintf("pace-%d", i)
		if err := s.checked(id); err != nil {
			return err
		}
		if _, _, err := s.producer(ctx, "send", id+".yaml", "--no-preflight"); err != nil {
			return err
		}
	}
	return nil
}

// killEvery kills the oldest worker again and again for so long, and Redis once.
func (s *site) killEvery(ctx context.Context, every, length time.Duration) error {
	for i := range int(length / every) {
		if err := sleep(ctx, every); err != nil {
			return err
		}
		if err := s.killOne("worker"); err != nil {
			return err
		}
		if err := s.worker(ctx); err != nil {
			return err
		}
		if i == 1 {
			if err := s.killOne("redis-server"); err != nil {
				return err
			}
			if err := s.startRedis(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// killOne kills the oldest program of a name that runs.
func (s *site) killOne(name string) error {
	for i, p := range s.procs {
		if filepath.Base(p.Path) == name {
			s.procs = append(s.procs[:i], s.procs[i+1:]...)
			if err := p.Process.Kill(); err != nil {
				return fmt.Errorf("killing %s: %w", name, err)
			}
			_ = p.Wait() // it was killed
			return nil
		}
	}
	return fmt.Errorf("no %s runs", name)
}

// shares says how far the campaigns are from equal parts of what is accepted
// between two looks.
func (s *site) shares(ctx context.Context, campaigns int, until, during time.Duration) (string, error) {
	if err := sleep(ctx, until); err != nil {
		return "", err
	}
	before, err := s.accepted(ctx, campaigns)
	if err != nil {
		return "", err
	}
	if err := sleep(ctx, during); err != nil {
		return "", err
	}
	after, err := s.accepted(ctx, campaigns)
	if err != nil {
		return "", err
	}
	sum, worst := 0.0, 0.0
	for i := range after {
		sum += after[i] - before[i]
	}
	for i := range after {
		share := (after[i] - before[i]) * float64(campaigns) / sum
		worst = max(worst, share-1, 1-share)
	}
	return fmt.Sprintf("within %.0f %%", 100*worst), nil
}

// accepted is how many of each campaign's recipients are. It reads the summaries
// itself: a producer for each would take from the workers what is measured.
func (s *site) accepted(ctx context.Context, campaigns int) ([]float64, error) {
	counts := make([]float64, campaigns)
	for i := range counts {
		summaries, err := s.redis.HVals(ctx, fmt.Sprintf("sluice:{pace-%d}:summary", i)).Result()
		if err != nil {
			return nil, fmt.Errorf("asking Redis: %w", err)
		}
		for _, summary := range summaries {
			counts[i] += float64(acceptedOf(summary))
		}
	}
	return counts, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// slotRequests is how often workers asked for slots: each asks for Redis' time
// once, and little else does.
func (s *site) slotRequests(ctx context.Context) (float64, error) {
	text, err := s.redis.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	var n float64
	for line := range strings.SplitSeq(text, "\r\n") {
		if _, err := fmt.Sscanf(line, "cmdstat_time:calls=%f", &n); err == nil {
			return n, nil
		}
	}
	return 0, nil
}
