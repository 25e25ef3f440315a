package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// light measures what a worker weighs that has nothing to do, and how soon the first
// message goes out once it was asked for. The peer is a process that serves an asynq
// queue and nothing beside it.
func (b *bench) light(ctx context.Context, w io.Writer) error {
	var ours, theirs, oursMS, theirsMS, commandMS spread
	for range b.pairs {
		mib, ms, err := b.lightPeer(ctx)
		if err != nil {
			return err
		}
		theirs, theirsMS = append(theirs, mib), append(theirsMS, ms)
		mib, ms, command, err := b.lightOurs(ctx)
		if err != nil {
			return err
		}
		ours, oursMS, commandMS = append(ours, mib), append(oursMS, ms), append(commandMS, command)
	}
	fmt.Fprintf(w, "## A worker with nothing to do\n\n%d runs each, in turn.\n\n| what | an asynq server | Sluice |\n|---|---|---|\n"+
		"| memory after three seconds, MiB | %s | %s |\n| from the end of the command that asks for it to the first submission, ms | %s | %s |\n"+
		"| that command itself, ms | | %s |\n\n", b.pairs, theirs.text("%.0f"), ours.text("%.0f"), theirsMS.text("%.0f"), oursMS.text("%.0f"), commandMS.text("%.0f"))
	return nil
}

// since is how long after a moment the first submission came, in milliseconds, by
// looks every five.
func (s *site) since(ctx context.Context, at time.Time) (float64, error) {
	err := s.until(ctx, func() (bool, error) {
		r, err := s.report(ctx)
		return r.Requests > 0, err
	})
	return float64(time.Since(at).Milliseconds()), err
}

func (b *bench) lightPeer(ctx context.Context) (mib, ms float64, err error) {
	s, err := b.open(ctx, "in_flight: 64")
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	p, err := s.started(ctx, plainQueue{timeout: 15 * time.Second})
	if err != nil {
		return 0, 0, err
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return 0, 0, err
	}
	if mib, err = rssOf(p.Process.Pid); err != nil {
		return 0, 0, err
	}
	if err := s.enqueue(ctx, 1); err != nil {
		return 0, 0, err
	}
	ms, err = s.since(ctx, time.Now())
	return mib, ms, err
}

func (b *bench) lightOurs(ctx context.Context) (mib, ms, command float64, err error) {
	s, err := b.open(ctx, "in_flight: 64")
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.close()
	if err := s.worker(ctx); err != nil {
		return 0, 0, 0, err
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return 0, 0, 0, err
	}
	if mib, err = rssOf(s.workers[0]); err != nil {
		return 0, 0, 0, err
	}
	if err := s.list(10); err != nil {
		return 0, 0, 0, err
	}
	if err := s.campaign("first", "nx", "list.csv", ""); err != nil {
		return 0, 0, 0, err
	}
	took, _, err := s.producer(ctx, "send", "first.yaml", "--no-preflight")
	if err != nil {
		return 0, 0, 0, err
	}
	ms, err = s.since(ctx, time.Now())
	return mib, ms, float64(took.Milliseconds()), err
}
