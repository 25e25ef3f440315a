package e2e

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/redistest"
)

// Each program says what to do about a Redis that it cannot work with, and never shows
// the password.
func TestProgramsSayWhatToDoAboutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	locked := redistest.New(t)
	if err := locked.Client(t).ConfigSet(t.Context(), "requirepass", "a-secret").Err(); err != nil {
		t.Fatal(err)
	}
	w.sendersWith("timeout: 5s", "timeout: 5s\n    receipts: {secret: a-secret-of-some-length}")
	for url, want := range map[string]string{
		"redis://" + locked.Addr:                    "wants a password",
		"redis://:not-it@" + locked.Addr:            "refuses this user and password",
		"rediss://:not-it@" + w.redis.Addr:          "does not speak TLS on this port: write redis://",
		"redis://:not-it@no-such-host.invalid:6379": "there is no host",
	} {
		w.env = []string{"SLUICE_REDIS_URL=" + url}
		from := len(w.logs.tail(1 << 20))
		for _, program := range [][]string{{"producer", "list"}, {"worker"}} {
			if _, code := w.run(program[0], program[1:]...); code != 1 {
				t.Errorf("%v at %s: exit code %d", program, url, code)
			}
		}
		p := w.start("receiver", "--dir", t.TempDir(), "--addr", "127.0.0.1:0")
		w.await("three programs say it", time.Minute, func() bool { return strings.Count(w.logs.tail(1 << 20)[from:], want) >= 3 })
		p.kill()
		if strings.Contains(w.logs.tail(1<<20), "not-it") {
			t.Fatal("a password is shown")
		}
	}
	out, code := w.run("producer", "list", "--json")
	if code != 1 || out != "" || !strings.Contains(w.logs.tail(600), `{"error":{"kind":"redis","message":"`) {
		t.Errorf("in JSON: exit code %d, %q, %s", code, out, w.logs.tail(600))
	}
}
