package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/client"
)

// Whoever listens to a campaign is told each change of its state once and in order,
// although serve is killed again and again, and what happens meanwhile happens
// without it.
func TestAPIEventsAmongKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	start := func() *process {
		p := w.start("producer", "serve", "--addr", addr, "--log-format", "json")
		p.awaitLine(served)
		return p
	}
	p := start()
	out, _ := w.run("producer", "token", "create", "crm", "--scopes", "read,write,send")
	api := &caller{w: w, url: "http://" + addr, token: strings.TrimSpace(out)}
	body := strings.TrimSuffix(fmt.Sprintf(apiCampaign, "sale"), "}") + `,"start_at":"2099-01-01T00:00:00Z","recipients":{"rows":[{"phone":"+5511988880001","name":"Ana"}]}}`
	api.must(201, "POST", "/v1/campaigns?launch=true", []byte(body))
	api.await("sale", "scheduled")

	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := client.New(api.url, api.token)
	heard := make(chan []string, 1)
	go func() {
		var ids []string
		after := ""
		for ctx.Err() == nil {
			for e, err := range c.EventsAfter(ctx, "sale", after) {
				if err != nil { // serve was away for longer than the client waits
					break
				}
				if e.ID != "" {
					after, ids = e.ID, append(ids, e.ID)
				}
				if e.To == "cancelled" {
					heard <- ids
					return
				}
			}
		}
		heard <- ids
	}()
	moves := []string{"pause", "resume"}
	for i := range 8 {
		if i%2 == 1 {
			p.kill()
		}
		for range 1 + rand.IntN(3) {
			if out, code := w.run("producer", moves[0], "sale"); code != 0 {
				t.Fatal(out)
			}
			slices.Reverse(moves)
		}
		if i%2 == 1 {
			p = start()
		}
	}
	if out, code := w.run("producer", "cancel", "sale"); code != 0 {
		t.Fatal(out)
	}
	var want []string
	kept, err := w.rdb.XRange(ctx, "sluice:{sale}:events", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range kept {
		want = append(want, m.ID)
	}
	if got := <-heard; !slices.Equal(got, want) || len(want) < 12 {
		t.Errorf("heard %v, and there was %v", got, want)
	}
	// A stream does not keep serve from its end.
	began := time.Now()
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		for _, err := range c.Events(ctx, "sale") {
			if err != nil {
				return
			}
			p.stop(60 * time.Second)
			return
		}
	}()
	<-listening
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("serve took %s to stop while somebody listened", took)
	}
}
