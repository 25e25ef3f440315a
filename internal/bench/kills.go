package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
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
		"of them whom the sandbox has never heard of. A plain asynq task a recipient knows nobody in doubt: it sends to them again, and they\n"+
		"are counted here. With intents, one is in Redis before each submission. %d kills each, in turn.\n\n"+
		"| limit a second | latency | | in doubt | never submitted | recipients a second | what the client sends, a recipient | Redis' processor, microseconds a recipient |\n|---|---|---|---|---|---|---|---|\n", b.pairs)
	for _, l := range []killCase{{0, "0s"}, {0, "20ms"}, {80, "100ms"}, {1000, "20ms"}} {
		var naive, careful, ours killedSpread
		for range b.pairs {
			for _, of := range []struct {
				spread *killedSpread
				kill   func(context.Context, killCase) (killed, error)
			}{{&naive, b.killNaive}, {&careful, b.killCareful}, {&ours, b.kill}} {
				k, err := of.kill(ctx, l)
				if err != nil {
					return err
				}
				of.spread.add(k)
			}
		}
		limit := "none"
		if l.limit > 0 {
			limit = strconv.Itoa(l.limit)
		}
		for _, row := range []struct {
			name   string
			spread killedSpread
		}{{"an asynq task a recipient", naive}, {"with intents", careful}, {"Sluice", ours}} {
			k := row.spread
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", limit, l.latency, row.name, k.doubt.text("%.0f"), k.never.text("%.0f"),
				k.perSecond.text("%.0f"), k.scripts.text("%.3f"), k.redis.text("%.1f"))
		}
	}
	fmt.Fprintln(w)
	return nil
}

// A killCase is one speed at which kills are looked at.
type killCase struct {
	limit   int // a second; 0: none
	latency string
}

// limits are those of the sender.
func (l killCase) limits() string {
	if l.limit == 0 {
		return "in_flight: 64"
	}
	return fmt.Sprintf("in_flight: 64, messages_per_second: %d", l.limit)
}

// A killedSpread is what several kills left.
type killedSpread struct{ doubt, never, perSecond, scripts, redis spread }

func (s *killedSpread) add(k killed) {
	s.doubt, s.never, s.perSecond = append(s.doubt, k.doubt), append(s.never, k.never), append(s.perSecond, k.perSecond)
	s.scripts, s.redis = append(s.scripts, k.scripts), append(s.redis, k.redis)
}

func (b *bench) killNaive(ctx context.Context, l killCase) (killed, error) {
	return b.killPeer(ctx, l, false)
}

func (b *bench) killCareful(ctx context.Context, l killCase) (killed, error) {
	return b.killPeer(ctx, l, true)
}

// killPeer does the same to one that sends by asynq alone.
func (b *bench) killPeer(ctx context.Context, l killCase, careful bool) (killed, error) {
	s, err := b.open(ctx, l.limits(), "--count-only", "--latency", l.latency)
	if err != nil {
		return killed{}, err
	}
	defer s.close()
	if err := s.enqueue(ctx, 20_000); err != nil {
		return killed{}, err
	}
	if _, err := s.started(ctx, plainQueue{careful: careful, timeout: 15 * time.Second, limit: float64(l.limit)}); err != nil {
		return killed{}, err
	}
	k, err := s.killUnderWay(ctx, func(n int64) error {
		return s.until(ctx, func() (bool, error) {
			r, err := s.report(ctx)
			return r.Counted >= n, err
		})
	})
	if err != nil {
		return k, err
	}
	if err := sleep(ctx, time.Second); err != nil { // what was on its way has arrived
		return k, err
	}
	outcomes, err := s.redis.HLen(ctx, "outcomes").Result()
	if err != nil {
		return k, fmt.Errorf("asking for the outcomes: %w", err)
	}
	r, err := s.report(ctx)
	if err != nil {
		return k, err
	}
	k.scripts++ // the outcome
	k.doubt = float64(r.Counted - outcomes)
	if careful {
		k.scripts++
		intents, err := s.redis.HLen(ctx, "intents").Result()
		if err != nil {
			return k, fmt.Errorf("asking for the intents: %w", err)
		}
		k.doubt, k.never = float64(intents-outcomes), float64(intents-r.Counted)
	}
	return k, nil
}

func (b *bench) kill(ctx context.Context, l killCase) (killed, error) {
	s, err := b.open(ctx, l.limits(), "--count-only", "--latency", l.latency)
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
	k, err := s.killUnderWay(ctx, func(n int64) error { return s.awaitCounted(ctx, "killed", n) })
	if err != nil {
		return k, err
	}
	left, err := s.doubts(ctx, "killed")
	k.doubt, k.never = left.doubt, left.never
	return k, err
}

// killUnderWay kills the process that was started last a second after its first
// submission, and says what it did until then.
func (s *site) killUnderWay(ctx context.Context, taken func(n int64) error) (k killed, err error) {
	if err := taken(1); err != nil {
		return k, err
	}
	before, err := s.usage(ctx)
	if err != nil {
		return k, err
	}
	began := time.Now()
	if err := sleep(ctx, time.Second); err != nil {
		return k, err
	}
	after, err := s.usage(ctx)
	if err != nil {
		return k, err
	}
	took := time.Since(began).Seconds()
	p := s.procs[len(s.procs)-1]
	if err := p.Process.Kill(); err != nil {
		return k, err
	}
	_ = p.Wait() // it was killed
	sent := float64(after.taken - before.taken)
	k.perSecond, k.scripts, k.redis = sent/took, (after.scripts-before.scripts)/sent, (after.cpu-before.cpu)*1e6/sent
	return k, nil
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
