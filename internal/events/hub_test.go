package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

func run(t *testing.T, o Options) *Hub {
	t.Helper()
	o.Log, o.Every = zerolog.Nop(), 5*time.Millisecond
	h := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return h
}

// happens keeps an event, and returns its place.
func happens(t *testing.T, rdb redis.UniversalClient, campaign, to string) string {
	t.Helper()
	values := []any{"type", "campaign.state", "campaign", campaign, "sender", "promo", "at", "1766000000123", "from", "", "to", to, "code", "", "reason", ""}
	at, err := rdb.XAdd(context.Background(), &redis.XAddArgs{Stream: keys.Events(campaign), Values: values}).Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := rdb.XAdd(context.Background(), &redis.XAddArgs{Stream: keys.AllEvents(), Values: values}).Err(); err != nil {
		t.Fatal(err)
	}
	return at
}

// hear takes as many events, and returns their IDs, or types where they have none.
func hear(t *testing.T, l *Listener, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var all []string
	for len(all) < n {
		news, err := l.Next(ctx)
		if err != nil {
			t.Fatalf("%v after %v", err, all)
		}
		for _, e := range news {
			if e.ID == "" {
				all = append(all, e.Type)
			} else {
				all = append(all, e.ID)
			}
		}
	}
	return all
}

func listen(t *testing.T, h *Hub, campaign, behind string) *Listener {
	t.Helper()
	l, err := h.Listen(campaign, behind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// Listeners of one campaign, whenever they come and go on, are told each event once
// and in order.
func TestEachOnceInOrder(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	h := run(t, Options{Redis: rdb})
	const n = 60
	var want []string
	var mu sync.Mutex
	all := make(chan struct{})
	go func() {
		defer close(all)
		for i := range n {
			at := happens(t, rdb, "sale", strconv.Itoa(i))
			happens(t, rdb, "other", "x")
			mu.Lock()
			want = append(want, at)
			mu.Unlock()
		}
	}()
	var got [8][]string
	var under sync.WaitGroup
	for i := range got {
		under.Go(func() {
			behind := ""
			for len(got[i]) < n {
				l, err := h.Listen("sale", behind)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = append(got[i], hear(t, l, min(1+i, n-len(got[i])))...) // and breaks off
				l.Close()
				behind = got[i][len(got[i])-1]
			}
		})
	}
	under.Wait()
	<-all
	for i, g := range got {
		if strings.Join(g, " ") != strings.Join(want, " ") {
			t.Errorf("listener %d: %d events, not those %d", i, len(g), len(want))
		}
	}
	if h.listeners != 0 || len(h.feeds) != 0 {
		t.Errorf("%d listeners and %d feeds are left", h.listeners, len(h.feeds))
	}
}

// A thousand listeners cost Redis what one costs.
func TestListenersShareOneLook(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	happens(t, rdb, "sale", "draft")
	h := run(t, Options{Redis: rdb})
	looks := 0
	ask := func() int {
		text := rdb.Info(t.Context(), "commandstats").Val()
		_, after, ok := strings.Cut(text, "cmdstat_xrange:calls=")
		if !ok {
			return 0
		}
		n, _, _ := strings.Cut(after, ",")
		looks, _ = strconv.Atoi(n)
		return looks
	}
	began := time.Now()
	for range 1000 {
		hear(t, listen(t, h, "sale", ""), 1)
	}
	most := int(time.Since(began)/h.Every) + 3
	if n := ask(); n == 0 || n > most {
		t.Errorf("%d reads where time was for %d looks", n, most)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	h := run(t, Options{Redis: rdb, Most: 3})
	first := happens(t, rdb, "sale", "draft")
	second := happens(t, rdb, "sale", "importing")
	now := listen(t, h, "sale", Now)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if news, err := now.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told %v of before", news)
	}
	if got := hear(t, listen(t, h, "sale", first), 1); got[0] != second {
		t.Errorf("%v", got)
	}
	third := happens(t, rdb, "sale", "scheduled")
	if got := hear(t, now, 1); got[0] != third {
		t.Errorf("%v", got)
	}
	everybody := listen(t, h, "", "")
	if got := hear(t, everybody, 3); len(got) != 3 {
		t.Errorf("%v", got)
	}
	if _, err := h.Listen("sale", "12"); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	everybody.Close()
	everybody.Close()
	if _, err := h.Listen("sale", "x"); !errors.Is(err, ErrPlace) {
		t.Error(err)
	}
}

// What was cut off is told to be lost to those alone who had not been told it.
func TestLost(t *testing.T) {
	t.Parallel()
	f := newFeed("sale")
	message := func(i int) redis.XMessage {
		return redis.XMessage{ID: fmt.Sprintf("%d-0", i), Values: map[string]any{"type": "campaign.state", "campaign": "sale"}}
	}
	var all []redis.XMessage
	for i := 1; i <= mostKept+2; i++ {
		all = append(all, message(i))
	}
	f.add(all[:1])
	for behind, want := range map[uint64]string{0: "3-0", 1: "", 2: "3-0", 3: "4-0"} {
		f := newFeed("sale")
		f.add(all[:1])
		f.add(all[1:])
		news, _ := f.since(&place{behind: id{ms: behind}})
		if news[0].ID != want || news[len(news)-1].ID != fmt.Sprintf("%d-0", mostKept+2) {
			t.Errorf("behind %d: %s", behind, news[0].ID)
		}
		if want == "" && string(news[0].Data) != `{"campaign":"sale","oldest":"3-0"}` {
			t.Errorf("%s", news[0].Data)
		}
	}
	// Redis has cut already.
	f = newFeed("sale")
	f.add(all[2:])
	if news, _ := f.since(&place{behind: id{ms: 1}}); news[0].Type != "events.lost" {
		t.Errorf("%+v", news[0])
	}
}

// How far a campaign is is told where it is not as before, and the newest alone to
// who comes late.
func TestAsItIsNow(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	n := make(chan int, 3)
	at := 0
	h := run(t, Options{Redis: rdb, Ask: func(_ context.Context, campaign string) (Look, error) {
		select {
		case at = <-n:
		default:
		}
		if at == 0 {
			return Look{}, errors.New("Redis is away")
		}
		return Look{Moves: true, Events: []Event{{Type: "campaign.progress", Campaign: campaign, Data: fmt.Appendf(nil, "%d", at), Same: fmt.Appendf(nil, "%d", at/10)}}}, nil
	}})
	l := listen(t, h, "sale", "")
	n <- 10
	n <- 11 // says nothing new
	n <- 20
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for _, want := range []string{"10", "20"} {
		news, err := l.Next(ctx)
		if err != nil || len(news) != 1 || string(news[0].Data) != want {
			t.Fatalf("%s, %v", news, err)
		}
	}
	late, err := listen(t, h, "sale", "").Next(ctx)
	if err != nil || len(late) != 1 || string(late[0].Data) != "20" {
		t.Errorf("%v, %v", late, err)
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	h := New(Options{Redis: redistest.New(t).Client(t), Log: zerolog.Nop()})
	l := listen(t, h, "sale", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.Run(ctx)
	if _, err := l.Next(t.Context()); !errors.Is(err, ErrStopped) {
		t.Error(err)
	}
}

// Places are in the order of a stream.
func TestIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) id {
			return id{rapid.Uint64Range(1, 3).Draw(t, name), rapid.Uint64Range(0, 2).Draw(t, name+" seq")}
		}
		a, b := draw("a"), draw("b")
		if a.after(b) && b.after(a) || a != b && !a.after(b) && !b.after(a) {
			t.Fatalf("%v and %v are in no order", a, b)
		}
		if !a.after(a.before()) || b.after(a.before()) && a.after(b) {
			t.Fatalf("%v is not right before %v", a.before(), a)
		}
		if got, ok := parseID(fmt.Sprintf("%d-%d", a.ms, a.seq)); !ok || got != a {
			t.Fatalf("%v is read as %v", a, got)
		}
	})
}
