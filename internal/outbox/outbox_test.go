package outbox

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// A post is a room with an endpoint that answers as it is told.
type post struct {
	*Deliverer
	t       *testing.T
	rdb     *redis.Client
	now     time.Time
	secret  string
	mu      sync.Mutex
	status  int
	got     []*http.Request
	bodies  []string
	over    bool
	message Message
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{t: t, rdb: redistest.New(t).Client(t), now: time.Now(), status: 200, message: Message{Endpoint: "crm", Sender: "promo", Body: []byte(`{"x":1}`)}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		p.got, p.bodies = append(p.got, r), append(p.bodies, string(body))
		if p.status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(p.status)
	}))
	t.Cleanup(srv.Close)
	store := NewStore(p.rdb, func() time.Time { return p.now })
	p.Deliverer = &Deliverer{
		Store: store, Client: NewClient(true, nil), Plain: NewClient(false, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}), Log: zerolog.Nop(),
		Message: func(context.Context, Event) (*Message, error) { m := p.message; return &m, nil },
		Over:    func(context.Context, string) (bool, error) { return p.over, nil },
	}
	var err error
	if p.secret, err = store.Create(t.Context(), Endpoint{Name: "crm", URL: srv.URL + "/hook", Senders: []string{"promo"}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// happens has something happen to a campaign, as the script of a move does.
func (p *post) happens(id, seq, what string) {
	p.t.Helper()
	p.rdb.SAdd(p.t.Context(), keys.Outboxes(), id)
	p.rdb.HSet(p.t.Context(), keys.Outbox(id), seq, what+" 1000")
	p.rdb.ZAdd(p.t.Context(), keys.Due(id), redis.Z{Score: 1000, Member: seq})
}

// round looks once, and waits for what it delivers.
func (p *post) round() int {
	p.t.Helper()
	before := len(p.got)
	var under sync.WaitGroup
	if err := p.look(p.t.Context(), make(chan struct{}, 4), &under); err != nil {
		p.t.Fatal(err)
	}
	under.Wait()
	return len(p.got) - before
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	counted := map[string]int{}
	p.Count = func(result string) { counted[result]++ }
	if late, err := p.Store.Overdue(t.Context()); err != nil || late != 0 {
		t.Errorf("overdue by %s, %v; nothing has happened", late, err)
	}
	p.happens("sale", "1", "finished")
	if late, err := p.Store.Overdue(t.Context()); err != nil || late != p.now.Sub(time.UnixMilli(1000)) {
		t.Errorf("overdue by %s, %v", late, err)
	}
	p.status = 500
	if n := p.round(); n != 1 {
		t.Fatalf("told %d times", n)
	}
	if late, err := p.Store.Overdue(t.Context()); err != nil || late != 0 {
		t.Errorf("overdue by %s, %v, and it is to be told in five seconds", late, err)
	}
	if n := p.round(); n != 0 {
		t.Errorf("told again at once")
	}
	p.now = p.now.Add(6 * time.Second)
	p.status = 204
	if n := p.round(); n != 1 {
		t.Fatalf("not told again: %d", n)
	}
	r := p.got[1]
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.secret, "whsec_"))
	if err != nil || r.Header.Get("webhook-id") != "sale.1" || p.got[0].Header.Get("webhook-id") != "sale.1" ||
		r.Header.Get("webhook-signature") != Sign(secret, "sale.1", r.Header.Get("webhook-timestamp"), []byte(p.bodies[1])) {
		t.Errorf("%v %v", r.Header, err)
	}
	if counted["failed"] != 1 || counted["told"] != 1 {
		t.Errorf("%v", counted)
	}
	p.now = p.now.Add(48 * time.Hour)
	if n := p.round(); n != 0 {
		t.Errorf("what was told is told again")
	}
	p.over = true
	p.round()
	if left, err := p.Store.campaigns(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	if n := p.rdb.Exists(t.Context(), keys.Outbox("sale"), keys.Due("sale")).Val(); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// A worked example of Standard Webhooks' own description.
func TestSign(t *testing.T) {
	t.Parallel()
	secret, _ := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if got := Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

// An endpoint that stays away is given up after more than three days, counted, and
// told again once that is asked for; each attempt has the same id.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.status = 500
	p.happens("sale", "1", "finished")
	began := p.now
	for range 500 {
		p.round()
		p.now = p.now.Add(20 * time.Minute)
	}
	if len(p.got) != len(waits)+1 {
		t.Errorf("tried %d times", len(p.got))
	}
	_ = began
	list, err := p.Store.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Dead != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	p.status = 200
	if n, err := p.Store.Redeliver(t.Context(), "crm"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if n := p.round(); n != 1 || p.got[len(p.got)-1].Header.Get("webhook-id") != "sale.1" {
		t.Errorf("told %d times", n)
	}
	if list, _ = p.Store.List(t.Context()); list[0].Dead != 0 {
		t.Errorf("%+v", list)
	}
}

func TestGoneAndRedirect(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.status = http.StatusFound
	p.happens("sale", "1", "paused")
	if n := p.round(); n != 1 || p.got[0].URL.Path != "/hook" {
		t.Errorf("a redirect is followed: %d", n)
	}
	p.now = p.now.Add(time.Minute)
	p.status = http.StatusGone
	p.round()
	p.happens("sale", "2", "resumed")
	if n := p.round(); n != 0 {
		t.Error("an endpoint that is gone is told")
	}
	if e, err := p.Store.Get(t.Context(), "crm"); err != nil || !e.Disabled {
		t.Errorf("%+v, %v", e, err)
	}
	p.status = 200
	if n, err := p.Store.Redeliver(t.Context(), "crm"); err != nil || n != 2 {
		t.Error(n, err)
	}
	if n := p.round(); n != 2 {
		t.Errorf("%d", n)
	}
	p.message.Sender = "other"
	p.happens("more", "1", "paused")
	if n := p.round(); n != 0 {
		t.Error("an endpoint hears of another's campaign")
	}
}

// While one process tells, no other does; one that is killed is made up for.
func TestLease(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.happens("sale", "1", "paused")
	if events, err := p.Store.take(t.Context(), "sale"); err != nil || len(events) != 1 || events[0].Type != "paused" {
		t.Fatal(events, err)
	}
	if n := p.round(); n != 0 {
		t.Error("told by two")
	}
	p.now = p.now.Add(leaseFor + time.Second)
	if n := p.round(); n != 1 {
		t.Error("lost with its process")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "::1": false, "fe80::1": false, "fd00::1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "224.0.0.1": false, "255.255.255.255": false, "::7f00:1": false, "2001:0:7f00:1::1": false, "168.63.129.16": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := NewClient(true, nil).Do(req); !errors.Is(err, errForbidden) {
		t.Errorf("a name leads inside: %v", err)
		if err == nil {
			resp.Body.Close()
		}
	}
	if resp, err := NewClient(false, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).Do(req); err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
	}
}
