package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/sender"
)

// trips counts round trips to Redis for which a request waits.
type trips struct{ n atomic.Int64 }

func (t *trips) count(ctx context.Context) {
	if ctx.Value(asked{}) != nil {
		t.n.Add(1)
	}
}

func (t *trips) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (t *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { t.count(ctx); return next(ctx, cmd) }
}

func (t *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { t.count(ctx); return next(ctx, cmds) }
}

// A small list goes out in one call although the provider cannot be asked for its
// template, where the caller says so.
func TestOneCallWithoutPreflight(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	open := func(name string) (*desk.Sender, error) {
		s, err := b.open(name)
		if err == nil {
			s.Preflight = func(context.Context, sender.Message) ([]string, bool, error) { return nil, true, errors.New("away") }
		}
		return s, err
	}
	b.server.Desk = desk.New(desk.Options{Redis: b.redis, Open: open, Now: time.Now})
	small := strings.Replace(sale, `"recipients":{`, `"recipients":{"rows":[{"phone":"11987654321","name":"Ana"}],`, 1)
	b.must(503, "POST", "/v1/campaigns?launch=true", small)
	if made := b.must(200, "POST", "/v1/campaigns?launch=true&preflight=false", small); made["status"].(map[string]any)["state"] != "importing" {
		t.Errorf("%v", made)
	}
}

// However many campaigns are active, the status of one costs a few round trips, and so
// does a page of them.
func TestStatusAmongAThousand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, ctx := campaign.NewStore(b.redis, time.Now), t.Context()
	const campaigns = 1000
	for i := range campaigns {
		raw := strings.Replace(strings.Replace(sale, `"sale"`, fmt.Sprintf(`"c%d"`, i), 1), "promo", []string{"promo", "other"}[i%2], 1)
		raw = strings.Replace(raw, `"recipients":{`, `"recipients":{"file":"l.csv",`, 1)
		f, err := campaign.Parse([]byte(raw), "c.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, []byte(raw), f); err != nil {
			t.Fatal(err)
		}
		if err := s.Launch(ctx, f.ID, 0, campaign.Plan{Rows: 100, Recipients: 100, Batches: 1, Tasks: 1, Fingerprint: "x"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(ctx, f.ID); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now()
	now := func() time.Time { return at }
	b.server.Now = now
	id, _, _ := strings.Cut(strings.TrimPrefix(b.token, "slc_"), "_")
	b.server.limits[id] = &limit{rate: rate.NewLimiter(rate.Inf, 1)}
	b.server.Desk = desk.New(desk.Options{Redis: b.redis, Open: b.open, Now: now, Remember: 2 * time.Second})
	count := &trips{}
	b.redis.AddHook(count)
	var costs, pages []int
	for i := range campaigns {
		at = at.Add(20 * time.Millisecond) // as fast as one token may ask
		before := count.n.Load()
		got := b.must(200, "GET", fmt.Sprintf("/v1/campaigns/c%d", i), "")
		costs = append(costs, int(count.n.Load()-before))
		if st, _ := got["status"].(map[string]any); st["state"] != "running" || st["pending"] != 0.0 {
			t.Fatalf("%v", st)
		}
		if i%4 > 0 {
			continue
		}
		before = count.n.Load()
		path := []string{"/v1/campaigns?limit=200", "/v1/campaigns?q=c999", "/v1/campaigns?state=halted"}[i/4%3]
		b.must(200, "GET", path, "")
		pages = append(pages, int(count.n.Load()-before))
	}
	for what, all := range map[string][]int{"status": costs, "list": pages} {
		slices.Sort(all)
		p50, p99, most := all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
		t.Logf("%s: %d round trips in the middle, %d in 99 of 100, %d at most", what, p50, p99, most)
		if p99 > 5 || most > 20 {
			t.Errorf("%s takes %d round trips in 99 of 100, %d at most", what, p99, most)
		}
	}
}
