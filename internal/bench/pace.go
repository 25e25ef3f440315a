package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// pace measures how a limit is kept and used, by the sandbox' own clock.
func (b *bench) pace(ctx context.Context, w io.Writer) error {
	fmt.Fprint(w, "## Pace\n\nBy the sandbox' log of arrivals: the most messages in any sliding second, and the average from the first arrival to the\n"+
		"last, as shares of the limit. Whole campaigns, their beginning and end included.\n\n"+
		"| limit | workers | latency | campaigns | most in a second | average | slot requests a message |\n|---|---|---|---|---|---|---|\n")
	for _, c := range []struct {
		limit, workers, campaigns int
		latency                   string
	}{
		{1, 3, 1, "50ms"},
		{20, 1, 1, "0s"},
		{20, 3, 1, "50ms"},
		{80, 1, 1, "50ms"},
		{80, 8, 1, "50ms"},
		{80, 3, 5, "50ms"},
		{500, 1, 1, "0s"},
		{500, 3, 1, "50ms"},
		{500, 8, 1, "300ms"},
		{500, 3, 5, "50ms"},
		{2000, 1, 1, "50ms"},
		{2000, 3, 1, "0s"},
	} {
		if err := b.onePace(ctx, w, c.limit, c.workers, c.campaigns, c.latency); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	return nil
}

func (b *bench) onePace(ctx context.Context, w io.Writer, limit, workers, campaigns int, latency string) error {
	s, err := b.open(ctx, fmt.Sprintf("in_flight: 512, messages_per_second: %d", limit), "--latency", latency)
	if err != nil {
		return err
	}
	defer s.close()
	for range workers {
		if err := s.worker(ctx); err != nil {
			return err
		}
	}
	rows := max(20, limit*15/campaigns)
	if err := s.list(rows); err != nil {
		return err
	}
	for i := range campaigns {
		id := fmt.Sprintf("pace-%d", i)
		// The sandbox takes a template with one variable here.
		text := fmt.Sprintf("id: %s\nsender: nx\nmessage: {type: template, template: {name: order_update, language: en_US, body: [\"{{first_name}}\"]}}\nrecipients: {file: list.csv}\n", id)
		if err := s.write(id+".yaml", text); err != nil {
			return err
		}
		if _, _, err := s.producer(ctx, "send", id+".yaml", "--no-preflight"); err != nil {
			return err
		}
	}
	for i := range campaigns {
		if err := s.awaitState(ctx, fmt.Sprintf("pace-%d", i), "finished"); err != nil {
			return err
		}
	}
	r, err := s.report(ctx)
	if err != nil {
		return err
	}
	asked, err := s.slotRequests(ctx)
	if err != nil {
		return err
	}
	took := time.Duration(r.LastUS-r.FirstUS) * time.Microsecond
	average := float64(r.Messages-1) / took.Seconds()
	fmt.Fprintf(w, "| %d | %d | %s | %d | %.1f %% | %.1f %% | %.3f |\n", limit, workers, latency, campaigns,
		100*float64(r.MaxPerSecond)/float64(limit), 100*average/float64(limit), asked/float64(r.Messages))
	fmt.Fprintf(b.stdout, "limit %d done\n", limit)
	return nil
}

// slotRequests is how often workers asked for slots: each asks for Redis' time
// once, and little else does.
func (s *site) slotRequests(ctx context.Context) (float64, error) {
	text, err := s.redis.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	var n float64
	for _, line := range splitLines(text) {
		if _, err := fmt.Sscanf(line, "cmdstat_time:calls=%f", &n); err == nil {
			return n, nil
		}
	}
	return 0, nil
}
