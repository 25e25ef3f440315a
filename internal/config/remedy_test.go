package config

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/redistest"
)

// secured is a Redis with a password.
func secured(t *testing.T) string {
	t.Helper()
	server := redistest.New(t)
	if err := server.Client(t).ConfigSet(t.Context(), "requirepass", "a-secret").Err(); err != nil {
		t.Fatal(err)
	}
	return server.Addr
}

// withTLS is a listener that speaks TLS and nothing else, with a certificate that
// nobody trusts.
func withTLS(t *testing.T) string {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	t.Cleanup(web.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = c.(*tls.Conn).Handshake() // what is no handshake ends the connection
				c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// Each fault of a first question to Redis has its own remedy, none with a password.
func TestRemedies(t *testing.T) {
	t.Parallel()
	plain, password, secure := redistest.New(t).Addr, secured(t), withTLS(t)
	for name, c := range map[string]struct{ address, want string }{
		"no password":        {"redis://" + password, "wants a password"},
		"wrong password":     {"redis://:not-it@" + password, "refuses this user and password"},
		"wrong user":         {"redis://somebody:not-it@" + password, "refuses this user and password"},
		"TLS on a plain one": {"rediss://:not-it@" + plain, "does not speak TLS on this port: write redis://"},
		"plain on a TLS one": {"redis://:not-it@" + secure, "speaks TLS: write rediss://"},
		"cluster on TLS":     {"redis-cluster://" + secure, "speaks TLS: write rediss://"},
		"certificate":        {"rediss://" + secure, "is not trusted here"},
		"unknown host":       {"redis://:not-it@no-such-host.invalid:6379/0", `there is no host "no-such-host.invalid" for`},
		"nothing there":      {"redis://:not-it@" + redistest.Nobody(t), "nothing listens at 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb, err := OpenRedis(c.address)
			if err != nil {
				t.Fatal(err)
			}
			defer rdb.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err = RedisAway(first(ctx, rdb), c.address)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "not-it") || !errors.Is(err, ErrRedis) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func first(ctx context.Context, rdb redis.UniversalClient) error { return rdb.Get(ctx, "key").Err() }
