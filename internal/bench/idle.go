package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	idleCampaigns = 1000
	// idleFor is how long they are looked at.
	idleFor = 20 * time.Second
	// importsAtOnce is how many producers run at the same time.
	importsAtOnce = 4
)

// idle measures what campaigns cost that are due and have nobody to send to: all of
// a thousand wait for their recipients' own time of day.
func (b *bench) idle(ctx context.Context, w io.Writer) error {
	s, err := b.open(ctx, "messages_per_second: 80", "--count-only")
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.list(1); err != nil {
		return err
	}
	hour := (time.Now().UTC().Hour() + 12) % 24 // the recipient's zone is three hours behind
	window := fmt.Sprintf("window: {from: \"%02d:00\", to: \"%02d:01\", timezone: recipient}", hour, hour)
	g, importing := errgroup.WithContext(ctx)
	g.SetLimit(importsAtOnce)
	for i := range idleCampaigns {
		g.Go(func() error {
			id := fmt.Sprintf("idle-%d", i)
			if err := s.campaign(id, "nx", "list.csv", window); err != nil {
				return err
			}
			_, _, err := s.producer(importing, "send", id+".yaml", "--no-preflight")
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := s.worker(ctx); err != nil {
		return err
	}
	if err := s.awaitToldToWait(ctx); err != nil {
		return err
	}
	commands, err := s.commands(ctx)
	if err != nil {
		return err
	}
	before, err := s.workersCPU()
	if err != nil {
		return err
	}
	if err := sleep(ctx, idleFor); err != nil {
		return err
	}
	after, err := s.workersCPU()
	if err != nil {
		return err
	}
	more, err := s.commands(ctx)
	if err != nil {
		return err
	}
	mib, err := rssOf(s.workers[0])
	if err != nil {
		return err
	}
	ms, err := s.smallOne(ctx, "new")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## Campaigns that wait\n\n%d campaigns whose recipients all wait for their own time of day, one worker, %s.\n\n"+
		"| what | |\n|---|---|\n| commands of Redis a second, those inside scripts too | %.0f |\n| the worker's processor, %% of a core | %.1f |\n"+
		"| the worker's memory, MiB | %.0f |\n| from `producer send` of ten rows to the first outcome on record, ms | %.0f |\n\n",
		idleCampaigns, idleFor, (more-commands)/idleFor.Seconds(), 100*(after-before).Seconds()/idleFor.Seconds(), mib, ms)
	return nil
}

// awaitToldToWait waits until every campaign's task waits for a time, and none is
// served any more.
func (s *site) awaitToldToWait(ctx context.Context) error {
	for {
		waiting := 0
		for i := range idleCampaigns {
			n, err := s.redis.ZCard(ctx, fmt.Sprintf("asynq:{sluice:idle-%d}:retry", i)).Result()
			if err != nil {
				return fmt.Errorf("asking Redis: %w", err)
			}
			waiting += int(n)
		}
		servers, err := s.redis.ZCard(ctx, "asynq:servers").Result()
		if err != nil {
			return fmt.Errorf("asking Redis: %w", err)
		}
		if waiting == idleCampaigns && servers == 0 {
			return nil
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
