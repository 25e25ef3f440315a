package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"
)

// killed is what one kill left, and what was done until then.
type killed struct {
	doubt, never float64
	perSecond    float64
	scripts      float64 // that the clients sent, a recipient
	redis        float64 // microseconds of Redis' processor a recipient
}

// kills kills workers under load and says what is in doubt then, and who of those was
// never submitted to: whom it needs a decision about for nothing.
func (b *bench) kills(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## What a kill leaves in doubt\n\nnxcloud, one worker of 64 in flight, killed by SIGKILL a second after its first submission. Never submitted are those\n"+
		"of them whom the sandbox has never heard of. %d kills each.\n\n"+
		"| limit a second | latency | in doubt | never submitted | recipients a second | scripts a recipient | Redis' processor, microseconds a recipient |\n|---|---|---|---|---|---|---|\n", b.pairs)
	for _, l := range []struct{ limits, latency string }{
		{"", "0s"},
		{"", "20ms"},
		{", messages_per_second: 80", "100ms"},
		{", messages_per_second: 1000", "20ms"},
	} {
		var doubt, never, speed, scripts, redis spread
		for range b.pairs {
			k, err := b.kill(ctx, l.limits, l.latency)
			if err != nil {
				return err
			}
			doubt, never, speed = append(doubt, k.doubt), append(never, k.never), append(speed, k.perSecond)
			scripts, redis = append(scripts, k.scripts), append(redis, k.redis)
		}
		limit := "none"
		if l.limits != "" {
			limit = l.limits[len(", messages_per_second: "):]
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", limit, l.latency, doubt.text("%.0f"), never.text("%.0f"),
			speed.text("%.0f"), scripts.text("%.3f"), redis.text("%.1f"))
	}
	fmt.Fprintln(w)
	return nil
}

func (b *bench) kill(ctx context.Context, limits, latency string) (killed, error) {
	s, err := b.open(ctx, "in_flight: 64"+limits, "--count-only", "--latency", latency)
	if err != nil {
		return killed{}, err
	}
	defer s.close()
	if err := s.imported(ctx, "killed", "nx", 100_000); err != nil {
		return killed{}, err
	}
	if err := s.worker(ctx); err != nil {
		return killed{}, err
	}
	taken := func(n int64) error {
		return s.await(ctx, "killed", func(string) (bool, error) {
			r, err := s.report(ctx)
			return r.Counted >= n, err
		})
	}
	if err := taken(1); err != nil {
		return killed{}, err
	}
	before, err := s.usage(ctx)
	if err != nil {
		return killed{}, err
	}
	began := time.Now()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return killed{}, ctx.Err()
	}
	after, err := s.usage(ctx)
	if err != nil {
		return killed{}, err
	}
	took := time.Since(began).Seconds()
	p := s.procs[len(s.procs)-1]
	if err := p.Process.Kill(); err != nil {
		return killed{}, err
	}
	_ = p.Wait() // it was killed
	k, err := s.doubts(ctx, "killed")
	sent := float64(after.taken - before.taken)
	k.perSecond, k.scripts, k.redis = sent/took, (after.scripts-before.scripts)/sent, (after.cpu-before.cpu)*1e6/sent
	return k, err
}

// doubts ends a campaign whose worker is gone and says who is in doubt.
func (s *site) doubts(ctx context.Context, id string) (k killed, err error) {
	// As if its heartbeat had ended.
	workers, err := s.redis.Keys(ctx, "sluice:worker:*").Result()
	if err != nil {
		return k, err
	}
	if err := s.redis.Del(ctx, workers...).Err(); err != nil {
		return k, err
	}
	if _, _, err := s.producer(ctx, "cancel", id); err != nil {
		return k, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.b.dir, "producer"), "status", "--json", id)
	cmd.Dir, cmd.Env = s.dir, s.env()
	text, err := cmd.Output()
	if err != nil {
		return k, fmt.Errorf("asking for the status: %w", err)
	}
	var account struct {
		Accepted int
		InDoubt  int `json:"in_doubt"`
	}
	if err := json.Unmarshal(text, &account); err != nil {
		return k, fmt.Errorf("reading the status: %w", err)
	}
	r, err := s.report(ctx)
	k.doubt, k.never = float64(account.InDoubt), float64(account.Accepted+account.InDoubt-int(r.Counted))
	return k, err
}

// used is what was done and used up to a moment.
type used struct {
	taken   int64
	scripts float64
	cpu     float64 // of Redis, in seconds
}

func (s *site) usage(ctx context.Context) (used, error) {
	var u used
	r, err := s.report(ctx)
	if err != nil {
		return u, err
	}
	u.taken = r.Counted
	stats, err := s.redis.InfoMap(ctx, "commandstats", "cpu").Result()
	if err != nil {
		return u, fmt.Errorf("asking Redis: %w", err)
	}
	for _, name := range []string{"evalsha", "eval"} {
		var n float64
		if _, err := fmt.Sscanf(stats["Commandstats"]["cmdstat_"+name], "calls=%g", &n); err == nil {
			u.scripts += n
		}
	}
	for _, name := range []string{"used_cpu_sys", "used_cpu_user"} {
		var n float64
		if _, err := fmt.Sscan(stats["CPU"][name], &n); err != nil {
			return u, fmt.Errorf("reading Redis' %s: %w", name, err)
		}
		u.cpu += n
	}
	return u, nil
}
