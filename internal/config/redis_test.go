package config

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/redistest"
)

func TestOpenRedisAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]redis.Options{
		"redis://127.0.0.1:6380/3":              {Addr: "127.0.0.1:6380", DB: 3},
		"redis://localhost":                     {Addr: "localhost:6379"},
		"redis://user:pa%2Fss@h:1/0":            {Addr: "h:1", Username: "user", Password: "pa/ss"},
		"rediss://:pw@h:1/2":                    {Addr: "h:1", Password: "pw", DB: 2},
		"unix:///run/redis.sock?db=4":           {Addr: "/run/redis.sock", DB: 4, Network: "unix"},
		"redis-sentinel://h1:1,h2:2/main/5":     {Addr: "FailoverClient", DB: 5},
		"rediss-sentinel://u:p@h1:1/main":       {Addr: "FailoverClient", Username: "u", Password: "p"},
		"redis-sentinel://[::1]:1,h2:2/main":    {Addr: "FailoverClient"},
		"redis-sentinel://:p@h1:1,h2:2/main/0/": {Addr: "FailoverClient", Password: "p"},
	} {
		c, err := OpenRedis(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		got := c.(*redis.Client).Options()
		if got.Addr != want.Addr || got.DB != want.DB || got.Username != want.Username || got.Password != want.Password ||
			want.Network != "" && got.Network != want.Network {
			t.Errorf("%s: %s %s db %d user %q", address, got.Network, got.Addr, got.DB, got.Username)
		}
		if tls := got.TLSConfig != nil; tls != strings.HasPrefix(address, "rediss") {
			t.Errorf("%s: TLS %v", address, tls)
		}
		if got.TLSConfig != nil && got.TLSConfig.InsecureSkipVerify {
			t.Errorf("%s: the certificate is not checked", address)
		}
		if got.MaxRetries != 40 || got.PoolSize != 64 || got.MaxRetryBackoff != 512*time.Millisecond {
			t.Errorf("%s: %d retries, %d connections, %v", address, got.MaxRetries, got.PoolSize, got.MaxRetryBackoff)
		}
		c.Close()
	}
	for address, tls := range map[string]bool{"redis-cluster://u:p@h1:1,h2:2": false, "rediss-cluster://u:p@h1:1,h2:2/": true} {
		c, err := OpenRedis(address, PoolSize(5), Retries(0))
		if err != nil {
			t.Fatal(err)
		}
		o := c.(*redis.ClusterClient).Options()
		if len(o.Addrs) != 2 || o.Addrs[1] != "h2:2" || o.Username != "u" || o.Password != "p" || (o.TLSConfig != nil) != tls ||
			o.PoolSize != 5 || o.MaxRetries > 0 {
			t.Errorf("%s: %v user %q, %d connections, %d retries", address, o.Addrs, o.Username, o.PoolSize, o.MaxRetries)
		}
		c.Close()
	}
}

func TestOpenRedisRefuses(t *testing.T) {
	t.Parallel()
	const password = "hunter22"
	for _, address := range []string{
		"", "127.0.0.1:6379", "http://h:1", "redis://h:port/0", "redis://u:" + password + "@h:6379/db", "redis://u:" + password + "@h:1/0?no=1",
		"redis://u:" + password + "%zz@h:1", "u:" + password + "@h:1",
		"redis-sentinel://u:" + password + "@h:1", "redis-sentinel://u:" + password + "@h:1/main/db", "redis-sentinel://u:" + password + "@h:1/main/-1",
		"redis-sentinel://u:" + password + "@h:1,/main", "redis-sentinel://u:" + password + "@h/main", "redis-sentinel:///main",
		"redis-sentinel://u:" + password + "@h:1/main?db=1", "redis-sentinel://u:" + password + "%zz@h:1/main",
		"redis-cluster://u:" + password + "@h:1,h2", "redis-cluster://", "redis-cluster://h:1/3", "redis-cluster://u:" + password + "@h:1,h:1?x=1",
	} {
		c, err := OpenRedis(address)
		if err == nil {
			c.Close()
			t.Errorf("%q was taken", address)
			continue
		}
		if strings.Contains(err.Error(), password) {
			t.Errorf("%q: the error holds the password: %v", address, err)
		}
	}
}

// A command that meets a Redis that is away waits for it, instead of failing.
func TestRidesOverAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	c, err := OpenRedis(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Kill(t)
	impatient, err := OpenRedis(server.URL(), Retries(0))
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	if err := impatient.Get(ctx, "k").Err(); err == nil {
		t.Error("without retries the outage was not seen")
	}
	got := make(chan error, 1)
	go func() { got <- c.Get(ctx, "k").Err() }()
	server.Start(t)
	if err := <-got; err != nil {
		t.Errorf("the command did not ride over the outage: %v", err)
	}
}

func TestOpenRedisOnASocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "r.sock")
	redistest.New(t, "--unixsocket", socket)
	c, err := OpenRedis("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(context.Background()).Err(); err != nil {
		t.Error(err)
	}
}

// Whatever the address: no panic, and no error that shows the password.
func FuzzRedisAddress(f *testing.F) {
	for _, scheme := range []string{"redis", "rediss", "unix", "redis-sentinel", "redis-cluster", "rediss-cluster"} {
		f.Add(scheme, "user", "p%40ss-word-1", "h:1,h:2/main/0")
	}
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		c, err := OpenRedis(scheme + "://" + user + ":" + password + "@" + rest)
		if err == nil {
			c.Close()
			return
		}
		if len(password) > 10 && strings.Contains(err.Error(), password) && !strings.Contains(scheme+user+rest, password) &&
			!strings.Contains("not an address such as redis://user:password@host:6379/0", password) {
			t.Fatalf("the error holds the password: %v", err)
		}
	})
}

// Where no Redis answers is said without user and password.
func TestRedisAwayHidesThePassword(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"redis://user:se@cret/@h:1/0?protocol=3":          " h:1/0:",
		"redis-sentinel://:secret@h1:1,h2:2/main/0":       " h1:1,h2:2/main/0:",
		"unix://user:secret@/run/redis.sock?db=0":         " /run/redis.sock:",
		"redis-cluster://user:secret@[::1]:1,127.0.0.1:2": " [::1]:1,127.0.0.1:2:",
	} {
		err := RedisAway(fmt.Errorf("reaching Redis: %w", context.DeadlineExceeded), address)
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "cret") || strings.Contains(err.Error(), "user") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if other := errors.New("other"); !errors.Is(RedisAway(other, "redis://h:1"), other) || RedisAway(nil, "redis://h:1") != nil {
		t.Error("another error is changed")
	}
}
