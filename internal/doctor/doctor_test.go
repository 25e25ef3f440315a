package doctor

import (
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/redistest"
	"sluice/internal/sandbox"
	"sluice/internal/spool"
)

// Nothing is found where nothing is wrong, and nothing is left in Redis.
func TestWell(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.beats("w1", "v1", "promo-br")
	p.o.Spool, p.o.ReceiptsURL = t.TempDir(), p.receives(receiptsSecret)
	before := p.rdb.DBSize(t.Context()).Val()
	for _, f := range Examine(t.Context(), p.o) {
		// The sandbox speaks no TLS; Redis may be of any version here, and the disk as full.
		if f.Level != OK && f.Check != "provider.tls" && f.Check != "redis.version" && f.Check != "spool" {
			t.Errorf("%+v", f)
		}
		if f.Level == OK && f.Remedy != "" {
			t.Errorf("what is well has a remedy: %+v", f)
		}
	}
	if after := p.rdb.DBSize(t.Context()).Val(); after != before {
		t.Errorf("there were %d keys, and are %d", before, after)
	}
	if left, err := os.ReadDir(p.o.Spool); err != nil || len(left) > 0 {
		t.Errorf("%v is left in the spool (%v)", left, err)
	}
}

// An empty Redis stays empty.
func TestLeavesAnEmptyRedisEmpty(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	expect(t, Examine(t.Context(), p.o), "workers.alive", Fail, "no worker is alive")
	if n := p.rdb.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("there are %d keys now", n)
	}
}

// A fault is one that is made for real, and what is said of it.
type fault struct {
	name   string
	args   []string // of redis-server
	make   func(p *patient)
	check  string
	level  Level
	says   string
	remedy string
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, f.args...)
			p.beats("w1", "v1", "promo-br")
			f.make(p)
			found := expect(t, Examine(t.Context(), p.o), f.check, f.level, f.says)
			if !strings.Contains(found.Remedy, f.remedy) || found.Remedy == "" {
				t.Errorf("the remedy is %q, without %q", found.Remedy, f.remedy)
			}
			if text := found.Text + found.Remedy + found.About; strings.Contains(text, receiptsSecret) || strings.Contains(text, "not-it") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}

// expect is the finding of a check and level that says something.
func expect(t *testing.T, findings []Finding, check string, level Level, says string) Finding {
	t.Helper()
	for _, f := range findings {
		if f.Check == check && f.Level == level && strings.Contains(f.Text, says) {
			if Failed(findings) != (level == Fail) && level == Fail {
				t.Error("it has not failed")
			}
			return f
		}
	}
	t.Fatalf("no %s of %s that says %q among\n%+v", level, check, says, findings)
	return Finding{}
}

func faults() []fault {
	return append(append(redisFaults(), fleetFaults()...), senderFaults()...)
}

func redisFaults() []fault {
	return []fault{
		{"no Redis", nil, func(p *patient) { p.server.Kill(p.t) }, "redis.reach", Fail, "nothing listens at", "is Redis running"},
		{"address", nil, func(p *patient) { p.o.RedisURL = "http://x" }, "redis.reach", Fail, "--redis-url", "redis://"},
		{"no password", nil, func(p *patient) { p.do("CONFIG SET requirepass a-password") }, "redis.reach", Fail, "wants a password", "--redis-url"},
		{"wrong password", nil, func(p *patient) {
			p.do("CONFIG SET requirepass a-password")
			p.o.RedisURL = "redis://:not-it@" + p.server.Addr + "/0"
		}, "redis.reach", Fail, "refuses this user and password", "requirepass"},
		{"TLS on a plain port", nil, func(p *patient) { p.o.RedisURL = "rediss://" + p.server.Addr + "/0" }, "redis.reach", Fail, "does not speak TLS", "redis://"},
		{"eviction", nil, func(p *patient) { p.do("CONFIG SET maxmemory-policy allkeys-lru") }, "redis.eviction", Fail, "allkeys-lru", "noeviction"},
		{"no AOF", nil, func(p *patient) { p.do("CONFIG SET appendonly no") }, "redis.persistence", Fail, "appendonly is no", "CONFIG SET appendonly yes"},
		{"little memory", nil, func(p *patient) {
			p.do("SETRANGE filler 20000000 x") // made there: what a client sends counts too, for a while
			used := number(fieldsOf(p.rdb.Info(p.t.Context(), "memory").Val())["used_memory"])
			p.do("CONFIG SET maxmemory " + itoa(int(used/0.88)))
		}, "redis.memory", Warn, "are in use", "raise maxmemory"},
		{"no memory", nil, func(p *patient) { p.do("CONFIG SET maxmemory 1mb") }, "redis.memory", Fail, "Redis is full", "raise maxmemory"},
		{"no maxmemory", nil, func(p *patient) { p.do("CONFIG SET maxmemory 0") }, "redis.memory", Warn, "there is no maxmemory", "set maxmemory"},
		{"a replica", nil, func(p *patient) {
			p.do("REPLICAOF "+strings.Replace(redistest.New(p.t).Addr, ":", " ", 1), "CONFIG SET replica-serve-stale-data yes")
		}, "redis.replication", Fail, "is a replica", "name the master"},
		{"a replica that may fall behind", nil, func(p *patient) {
			host, port, _ := net.SplitHostPort(p.server.Addr)
			replica := redistest.New(p.t, "--replicaof", host+" "+port)
			await(p.t, func() bool {
				return fieldsOf(p.rdb.Info(p.t.Context(), "replication").Val())["connected_slaves"] == "1"
			})
			_ = replica
		}, "redis.replication", Warn, "a failover may lose", "min-replicas-to-write"},
		{"no replica keeps up", nil, func(p *patient) { p.do("CONFIG SET min-replicas-max-lag 1", "CONFIG SET min-replicas-to-write 1") }, "redis.replication", Warn, "no replica keeps up", "see that a replica runs"},
		{"clocks apart", nil, func(p *patient) { p.o.Now = func() time.Time { return time.Now().Add(10 * time.Second) } }, "redis.clock", Warn, "10s apart", "chrony"},
		{"clocks far apart", nil, func(p *patient) { p.o.Now = func() time.Time { return time.Now().Add(-time.Minute) } }, "redis.clock", Fail, "1m0s apart", "chrony"},
		{"rights for other keys", nil, func(p *patient) { p.user("~other:* +@all") }, "redis.rights", Fail, "may not write sluice:*", "docs/redis.md"},
		{"no rights for the queue", nil, func(p *patient) { p.user("~sluice:* &* +@all") }, "redis.rights", Fail, "may not write asynq:*", "docs/redis.md"},
		{"no rights for scripts", nil, func(p *patient) { p.user("~* &* +@all -@scripting") }, "redis.rights", Fail, "may not run scripts on sluice:*", "docs/redis.md"},
		{"no rights for the clock", nil, func(p *patient) { p.user("~* &* +@all -time") }, "redis.clock", Fail, "may not TIME", "docs/redis.md"},
		{"no rights for channels", nil, func(p *patient) { p.user("~* resetchannels +@all") }, "redis.rights", Warn, "may not listen to sluice:changes", "docs/redis.md"},
		{"no INFO", nil, func(p *patient) { p.user("~* &* +@all -info") }, "redis.settings", Warn, "does not tell", "+info"},
		{"another schema", nil, func(p *patient) { p.do("HSET sluice:schema number 7") }, "redis.schema", Fail, `schema "7"`, "another Redis database"},
		{"a newer version's records", nil, func(p *patient) { p.do("HSET sluice:schema needs 99") }, "redis.schema", Fail, "newer version", "use the version"},
		{"before schemas", nil, func(p *patient) { p.do("FLUSHALL", "ZADD sluice:campaigns 1 old") }, "redis.schema", Fail, "before schema numbers", "another Redis database"},
		{"another prefix", nil, func(p *patient) { p.do("HSET sluice:schema queue_prefix other:") }, "queue.prefix", Fail, `"other:"`, "--queue-prefix"},
		{"a queue of nobody", nil, func(p *patient) { p.do("SADD asynq:queues sluice:gone") }, "queue.nobodys", Warn, "no campaign", "producer monitor"},
	}
}

func fleetFaults() []fault {
	return []fault{
		{"no worker", nil, func(p *patient) { p.do("DEL sluice:worker:w1") }, "workers.alive", Fail, "no worker is alive", "start `worker`"},
		{"several versions", nil, func(p *patient) { p.beats("w2", "v2", "promo-br") }, "workers.versions", Warn, "v1, v2", "end the upgrade"},
		{"an older program", nil, func(p *patient) { p.o.Version = "v0" }, "workers.versions", Warn, "v0, v1", "end the upgrade"},
		{"a sender that no worker has", nil, func(p *patient) { p.beats("w1", "v1", "another") }, "workers.senders", Fail, "no worker that is alive has this sender", "kill -HUP"},
		{"a campaign that halted", nil, func(p *patient) {
			p.do("SADD sluice:active c1", "HSET sluice:{c1} state halted sender promo-br")
		}, "campaigns", Warn, "it has halted", "producer status c1"},
	}
}

func senderFaults() []fault {
	limits := "{messages_per_second: 80}"
	return []fault{
		{"no senders file", nil, func(p *patient) { os.Remove(p.o.Senders) }, "senders.file", Fail, "no such file", "docs/files.md"},
		{"an invalid senders file", nil, func(p *patient) { p.writeSenders("x", "{per_minute: 1}") }, "senders.file", Fail, "per_minute", "docs/files.md"},
		{"a file for everybody", nil, func(p *patient) { p.chmod(0o644) }, "senders.readers", Warn, "everybody on this machine", "chmod 600"},
		{"no limit", nil, func(p *patient) { p.writeSenders("sandbox-secret", "{in_flight: 4}") }, "senders.limits", Warn, "no limit a second", "messages_per_second"},
		{"a day that is soon over", nil, func(p *patient) {
			p.writeSenders("sandbox-secret", "{messages_per_second: 80, messages_per_day: 1000}")
		}, "senders.limits", Warn, "1000 messages a day last", "tier"},
		{"few in flight", nil, func(p *patient) { p.writeSenders("sandbox-secret", "{messages_per_second: 80, in_flight: 2}") }, "senders.limits", Warn, "2 submissions in flight", "in_flight"},
		{"wrong keys", nil, func(p *patient) { p.writeSenders("not-it", limits) }, "provider.keys", Fail, "1003", "access_secret"},
		{"a clock that signatures do not bear", nil, func(p *patient) {
			box := httptest.NewServer(sandbox.New(sandbox.Options{Now: func() time.Time { return time.Now().Add(10 * time.Minute) }}))
			p.t.Cleanup(box.Close)
			p.sandbox = box.URL
			p.writeSenders("sandbox-secret", limits)
		}, "provider.keys", Fail, "1004", "clock"},
		{"no provider", nil, func(p *patient) {
			p.sandbox = "http://" + redistest.Nobody(p.t)
			p.writeSenders("sandbox-secret", limits)
		}, "provider.reach", Fail, "connection refused", "firewall"},
		{"an unknown name", nil, func(p *patient) {
			p.sandbox = "https://no-such-host.invalid"
			p.writeSenders("sandbox-secret", limits)
		}, "provider.reach", Fail, "not known here", "DNS"},
		{"a certificate of nobody's", nil, func(p *patient) {
			web := httptest.NewTLSServer(sandbox.New(sandbox.Options{}))
			p.t.Cleanup(web.Close)
			p.sandbox = web.URL
			p.writeSenders("sandbox-secret", limits)
		}, "provider.reach", Fail, "not trusted here", "SSL_CERT_FILE"},
		{"TLS where there is none", nil, func(p *patient) {
			p.sandbox = strings.Replace(p.sandbox, "http://", "https://", 1)
			p.writeSenders("sandbox-secret", limits)
		}, "provider.reach", Fail, "TLS", "http://"},
		{"no TLS", nil, func(*patient) {}, "provider.tls", Warn, "without TLS", "https://"},
		{"a provider's clock", nil, func(p *patient) { p.o.Now = func() time.Time { return time.Now().Add(time.Minute) } }, "provider.clock", Fail, "apart", "chrony"},
		{"no receiver", nil, func(p *patient) { p.o.ReceiptsURL = "http://" + redistest.Nobody(p.t) }, "receipts.reach", Fail, "connection refused", "see that it runs"},
		{"another secret", nil, func(p *patient) { p.o.ReceiptsURL = p.receives("another-secret-as-long") }, "receipts.reach", Fail, "does not know this sender", "senders file"},
		{"somebody else's server", nil, func(p *patient) { p.o.ReceiptsURL = p.sandbox + "/api/wa" }, "receipts.reach", Fail, "the receiver", "receipts-url"},
		{"no folder", nil, func(p *patient) { p.o.Spool = filepath.Join(p.dir, "nowhere") }, "spool", Fail, "cannot be written to", "folder"},
		{"what waits", nil, func(p *patient) {
			p.o.Spool = p.t.TempDir()
			s, err := spool.Open(p.o.Spool, spool.Options{})
			if err != nil {
				p.t.Fatal(err)
			}
			defer s.Close()
			if err := s.Append(&spool.Record{At: time.Now().Add(-time.Hour), Sender: "promo-br", Body: []byte("{}")}); err != nil {
				p.t.Fatal(err)
			}
		}, "spool", Warn, "the oldest for 1h0m", "see that the receiver runs"},
	}
}
