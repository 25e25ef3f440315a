package page

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/token"
)

// counted counts what a client asks of Redis.
type counted struct{ commands atomic.Int64 }

func (c *counted) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counted) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.commands.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counted) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.commands.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

// Those who watch the same cost Redis what one does: a moment's figures are read once,
// whoever looks, and however many come at once. What one costs does not depend on how
// long the list is, so that this holds of one with ten million rows too.
func TestManyWatchForThePriceOfOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	long := strings.Builder{}
	long.WriteString("phone,name\n")
	for n := range 5000 { // five batches
		fmt.Fprintf(&long, "+55119%08d,Ana\n", 10_000_000+n)
	}
	b.runningOf("long", "promo", long.String())
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	b.server.shared.now = func() time.Time { return time.Unix(0, now.Load()) }
	hook := &counted{}
	b.rdb.AddHook(hook)
	text, _, err := b.tokens.Create(t.Context(), token.Order{Name: "x", Scopes: []string{token.Read}})
	if err != nil {
		t.Fatal(err)
	}
	known, err := b.tokens.Check(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	look := func(id string) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		show := b.server.campaigns
		if id != "" {
			r = httptest.NewRequestWithContext(t.Context(), "GET", "/campaigns/"+id, nil)
			r.SetPathValue("id", id)
			show = b.server.campaign
		}
		c := b.server.call(httptest.NewRecorder(), r)
		c.token = known
		if _, err := show(c); err != nil {
			t.Error(err)
		}
	}
	cost := func(people int, id string) int64 {
		before := hook.commands.Load()
		for range 5 { // moments
			now.Add(int64(lookEvery))
			var all sync.WaitGroup
			for range people {
				all.Go(func() { look(id) })
			}
			all.Wait()
		}
		return hook.commands.Load() - before
	}
	costs := map[string]int64{}
	for id, people := range map[string]int{"sale": 10, "long": 10, "": 200} {
		cost(1, id) // what is asked once in a program's life
		one, many := cost(1, id), cost(people, id)
		costs[id] = one
		if one == 0 || many != one {
			t.Errorf("%q: one who watches costs %d commands, %d cost %d", id, one, people, many)
		}
	}
	if costs["sale"] != costs["long"] {
		t.Errorf("a list of 4 rows costs %d commands, one of 5000 %d", costs["sale"], costs["long"])
	}
}

// Who leaves takes nothing from those who wait for the same reading, and a reading that
// fails is not kept.
func TestSharedReading(t *testing.T) {
	t.Parallel()
	s := newShared(time.Now)
	leave, go1 := context.WithCancel(t.Context())
	began, end := make(chan struct{}), make(chan struct{})
	var reads atomic.Int64
	read := func(ctx context.Context) (any, time.Duration, error) {
		reads.Add(1)
		close(began)
		<-end
		return 1, time.Hour, ctx.Err()
	}
	left := make(chan error, 1)
	go func() {
		_, err := s.get(leave, "k", read)
		left <- err
	}()
	<-began
	go1()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(end)
	if v, err := s.get(t.Context(), "k", read); v != 1 || err != nil || reads.Load() != 1 {
		t.Errorf("%v %v after %d readings", v, err, reads.Load())
	}
	fails := func(context.Context) (any, time.Duration, error) { return nil, time.Hour, errNowhere }
	for range 2 {
		if _, err := s.get(t.Context(), "bad", fails); !errors.Is(err, errNowhere) {
			t.Error(err)
		}
	}
	panics := func(context.Context) (any, time.Duration, error) { panic("x") }
	if _, err := s.get(t.Context(), "worse", panics); !errors.Is(err, errPanic) {
		t.Error(err)
	}
	if v, err := s.get(t.Context(), "bad", func(context.Context) (any, time.Duration, error) { return 2, 0, nil }); v != 2 || err != nil {
		t.Errorf("%v %v", v, err)
	}
}

// A stream has the whole of the figures whenever they change, from its first moment on:
// a browser whose stream broke knows all with the first one of the next.
func TestStream(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	b.signIn([]string{token.Read})
	srv := httptest.NewServer(b.server)
	t.Cleanup(srv.Close)
	t.Cleanup(b.server.Close)
	open := func() (next func(want string), over func(), end func()) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/campaigns/sale", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", streamType)
		r.AddCookie(&http.Cookie{Name: plainCookie, Value: b.cookie})
		res, err := http.DefaultClient.Do(r) //nolint:bodyclose // end closes it
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != streamType {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		lines := bufio.NewScanner(res.Body)
		return func(want string) {
				t.Helper()
				for lines.Scan() {
					if strings.Contains(lines.Text(), want) {
						return
					}
				}
				t.Fatalf("no %q came: %v", want, lines.Err())
			}, func() {
				t.Helper()
				for lines.Scan() {
				}
				if lines.Err() != nil {
					t.Errorf("the stream ended with %v", lines.Err())
				}
			}, func() { cancel(); res.Body.Close() }
	}
	next, _, end := open()
	next(`s-running`)
	if _, err := b.desk.Pause(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	next(`s-paused`)
	end()
	if _, err := b.desk.Cancel(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	next, over, end := open()
	defer end()
	next(`s-cancelled`)
	b.server.Close() // as the server does that shuts down
	over()
}
