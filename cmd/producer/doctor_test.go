package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/ledger"
)

// doctor says what is wrong and what to do, ends with 1 for what fails, and its JSON is
// what its schema and docs/cli.md say.
func TestDoctor(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	schema, docs := d.hold("doctor"), readDocs(t)
	out, stderr, code := d.run("doctor")
	if code != 1 || !strings.Contains(out, "fail  provider.reach promo: http://127.0.0.1:1: ") || !strings.Contains(out, "\n      -> see that it runs") || !strings.Contains(stderr, "something keeps messages") {
		t.Errorf("exit code %d\n%s\n%s", code, out, stderr)
	}
	if _, err := ledger.New(d.rdb, time.Now).Beat(d.ctx, ledger.Heartbeat{Worker: "w", Version: "v0", Senders: []string{"promo"}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	out, _, code = d.run("doctor", "--json", "--dir", t.TempDir(), "--receipts-url", "http://127.0.0.1:1")
	if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"ok":false`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
	schema.takes(out)
	schema.complete()
	for _, m := range regexp.MustCompile(`"check":"([a-z.]+)"`).FindAllStringSubmatch(out, -1) {
		if !strings.Contains(docs, "`"+m[1]+"`") {
			t.Errorf("docs/cli.md has no check %s", m[1])
		}
	}
	d.rdb.FlushAll(d.ctx)
	d.url = "redis://127.0.0.1:1"
	if out, _, code = d.run("doctor"); code != 1 || !strings.HasPrefix(out, "fail  redis.reach: nothing listens at 127.0.0.1:1\n      -> is Redis running") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
