package doctor

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/accounts"
	"sluice/internal/callback"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
	"sluice/internal/sandbox"
	"sluice/internal/schema"
	"sluice/internal/sender"
	"sluice/internal/spool"
)

// A patient is one whom nothing ails, until a test sees to that: a Redis with a
// worker's heartbeat, the sandbox, a receiver.
type patient struct {
	t       *testing.T
	o       Options
	server  *redistest.Server
	rdb     *redis.Client
	sandbox string
	dir     string
}

const receiptsSecret = "a-secret-of-some-length"

func newPatient(t *testing.T, redisArgs ...string) *patient {
	t.Helper()
	box := httptest.NewServer(sandbox.New(sandbox.Options{}))
	t.Cleanup(box.Close)
	p := &patient{t: t, server: redistest.New(t, redisArgs...), sandbox: box.URL, dir: t.TempDir()}
	p.rdb = p.server.Client(t)
	p.o = Options{
		RedisURL: p.server.URL(), QueuePrefix: jobs.DefaultPrefix, Senders: filepath.Join(p.dir, "senders.yaml"),
		Providers: accounts.Providers(), Getenv: func(string) string { return "" }, Version: "v1", Now: time.Now,
	}
	p.writeSenders("sandbox-secret", "{messages_per_second: 80, messages_per_day: 100000}")
	if len(redisArgs) == 0 {
		if err := p.rdb.ConfigSet(t.Context(), "maxmemory", "1gb").Err(); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// writeSenders writes the senders file, with the key and the limits given.
func (p *patient) writeSenders(secret, limits string) {
	p.t.Helper()
	text := fmt.Sprintf(`senders:
  promo-br:
    provider: nxcloud
    base_url: %[1]s
    template_base_url: %[1]s
    tenant_id: 1
    appkey: sandbox-app
    business_phone: "8615800001795"
    access_key: sandbox-key
    access_secret: %[2]s
    timeout: 10s
    limits: %[3]s
    receipts: {secret: %[4]s}
`, p.sandbox, secret, limits, receiptsSecret)
	if err := os.WriteFile(p.o.Senders, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// beats has a worker of a version live, who has some senders.
func (p *patient) beats(worker, version string, senders ...string) {
	p.t.Helper()
	if err := schema.Check(p.t.Context(), p.rdb); err != nil {
		p.t.Fatal(err)
	}
	if _, err := ledger.New(p.rdb, time.Now).Beat(p.t.Context(), ledger.Heartbeat{Worker: worker, Version: version, Senders: senders}, 5*time.Minute); err != nil {
		p.t.Fatal(err)
	}
}

// receives starts a receiver that takes callbacks at this secret, and is its address.
func (p *patient) receives(secret string) string {
	p.t.Helper()
	web := httptest.NewServer(callback.New(callback.Options{
		Senders: []callback.Sender{{Name: "promo-br", Secrets: []sender.Secret{sender.Secret(secret)}, Ack: "success"}},
		Append:  func(*spool.Record) error { return nil }, Now: time.Now, Answered: func(string, int, string) {},
	}))
	p.t.Cleanup(web.Close)
	return web.URL
}

// do runs commands on the Redis.
func (p *patient) do(commands ...string) {
	p.t.Helper()
	for _, c := range commands {
		var args []any
		for word := range strings.FieldsSeq(c) {
			args = append(args, word)
		}
		if err := p.rdb.Do(p.t.Context(), args...).Err(); err != nil {
			p.t.Fatalf("%s: %v", c, err)
		}
	}
}

// user has the Redis looked at as a user with these rights.
func (p *patient) user(rights string) {
	p.t.Helper()
	p.do("ACL SETUSER looker on >a-password resetkeys " + rights)
	p.o.RedisURL = "redis://looker:a-password@" + p.server.Addr + "/0"
}

func (p *patient) chmod(mode os.FileMode) {
	p.t.Helper()
	if err := os.Chmod(p.o.Senders, mode); err != nil {
		p.t.Fatal(err)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// await waits until something is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not come")
		}
	}
}
