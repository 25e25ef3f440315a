package doctor

import (
	"os"
	"strings"
	"testing"
	"time"

	"sluice/internal/spool"
)

// Versions are told apart by what servers tell, and those that the tests were never
// run on are named.
func TestVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		info  string
		level Level
		says  string
	}{
		{"redis_version:7.0.15", OK, "Redis 7.0"},
		{"redis_version:8.0.2", OK, "Redis 8.0"},
		{"redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.1.1", OK, "Valkey 8.1"},
		{"redis_version:7.2.4\nserver_name:valkey\nvalkey_version:9.3.0", Warn, "never run on Valkey 9.3"},
		{"redis_version:7.2.4", Warn, "never run on Redis 7.2"},
		{"redis_version:6.0.16", Fail, "older than 6.2"},
		{"redis_version:6.2.0", Warn, "never run on Redis 6.2"},
		{"redis_version:unknown", Warn, "never run on Redis unknown"},
		{"", Warn, "never run on"},
	} {
		e := &examination{}
		e.version(fieldsOf(tt.info))
		if len(e.findings) != 1 || e.findings[0].Level != tt.level || !strings.Contains(e.findings[0].Text, tt.says) {
			t.Errorf("%q: %+v", tt.info, e.findings)
		}
	}
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range Ran() {
		if !strings.Contains(string(text), "| "+version) {
			t.Errorf("docs/redis.md has no row of %s", version)
		}
	}
}

// A disk that fills is told of before it is full.
func TestSpoolIsJudged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		look  spool.Look
		level Level
	}{
		{spool.Look{Used: 0.5}, OK},
		{spool.Look{Used: 0.5, Waiting: 10, Oldest: now.Add(-time.Second)}, OK},
		{spool.Look{Used: 0.9}, Warn},
		{spool.Look{Used: 0.96}, Fail},
		{spool.Look{Used: 0.5, Waiting: 10, Oldest: now.Add(-2 * time.Minute)}, Warn},
	} {
		e := &examination{Options: Options{Now: func() time.Time { return now }}}
		e.looked(tt.look)
		if e.findings[0].Level != tt.level {
			t.Errorf("%+v: %+v", tt.look, e.findings)
		}
	}
}
