package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// lateFor is how long a provider that is late is measured, once it is under way.
const lateFor = 10 * time.Second

// late measures what is left of the speed where some answers do not come: 64 in
// flight, answers after 20 ms, and a timeout of two seconds. The peers are an asynq
// task a recipient, and the same with an intent in Redis before each submission and
// the outcome after it, as whoever wants to be sure of no second message writes it.
func (b *bench) late(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## A provider that is late\n\nnxcloud, 64 in flight, answers after 20 ms, and a part of them never, with a timeout of 2 s. Ideal is 64 by the mean\n"+
		"time of a submission. Submissions a second in %s, after two seconds. %d runs each, in turn.\n\n"+
		"| never answered | ideal | an asynq task a recipient | with intents | Sluice | Sluice of the ideal |\n|---|---|---|---|---|---|\n", lateFor, b.pairs)
	for _, share := range []float64{0.05, 0.25, 0.5} {
		ideal := 64 / (share*2 + (1-share)*0.02)
		var naive, careful, ours, of spread
		for range b.pairs {
			x, err := b.latePeer(ctx, share, false)
			if err != nil {
				return err
			}
			y, err := b.latePeer(ctx, share, true)
			if err != nil {
				return err
			}
			z, err := b.lateOurs(ctx, share)
			if err != nil {
				return err
			}
			naive, careful, ours, of = append(naive, x), append(careful, y), append(ours, z), append(of, z/ideal)
		}
		fmt.Fprintf(w, "| %.0f %% | %.0f | %s | %s | %s | %s |\n", share*100, ideal, naive.text("%.0f"), careful.text("%.0f"), ours.text("%.0f"), of.text("%.2f"))
	}
	fmt.Fprintln(w)
	return nil
}

// lateSite is a site whose provider leaves a share of its answers out.
func (b *bench) lateSite(ctx context.Context, share float64) (*site, error) {
	s, err := b.open(ctx, "in_flight: 64", "--latency", "20ms") // one that only counts counts no requests
	if err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(fmt.Sprintf(senders, s.sandbox, "in_flight: 64"), "limits:", "timeout: 2s, limits:")
	if err := s.write("senders.yaml", text); err != nil {
		return s, err
	}
	faults := fmt.Sprintf("faults: [{rate: %g, do: unanswered}]", share)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.sandbox+"/_sandbox/faults", strings.NewReader(faults))
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, fmt.Errorf("asking the sandbox for faults: %w", err)
	}
	return s, resp.Body.Close()
}

// during is how many requests a second the sandbox gets.
func (s *site) during(ctx context.Context) (float64, error) {
	count := func(wait time.Duration) (int64, error) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		r, err := s.report(ctx)
		return r.Requests, err
	}
	before, err := count(2 * time.Second)
	if err != nil {
		return 0, err
	}
	after, err := count(lateFor)
	return float64(after-before) / lateFor.Seconds(), err
}

func (b *bench) lateOurs(ctx context.Context, share float64) (float64, error) {
	s, err := b.lateSite(ctx, share)
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return 0, err
	}
	if err := s.list(50_000); err != nil {
		return 0, err
	}
	if err := s.checked("late"); err != nil {
		return 0, err
	}
	if _, _, err := s.producer(ctx, "send", "late.yaml", "--no-preflight"); err != nil {
		return 0, err
	}
	if err := s.worker(ctx); err != nil {
		return 0, err
	}
	return s.during(ctx)
}

func (b *bench) latePeer(ctx context.Context, share float64, careful bool) (float64, error) {
	s, err := b.lateSite(ctx, share)
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return 0, err
	}
	if err := s.enqueue(ctx, 10_000, asynq.MaxRetry(0)); err != nil {
		return 0, err
	}
	server, err := plainQueue{sandbox: s.sandbox, careful: careful, timeout: 2 * time.Second}.serve(ctx, s.redis)
	if err != nil {
		return 0, err
	}
	defer server.Shutdown()
	return s.during(ctx)
}
