package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/config"
)

// within is how long one look at Redis or at a provider takes at most.
const within = 5 * time.Second

// reach opens Redis, if it can be worked with at all.
func (e *examination) reach(ctx context.Context) bool {
	const check = "redis.reach"
	rdb, err := config.OpenRedis(e.RedisURL, config.Retries(0))
	if err != nil {
		e.fail(check, "", "--redis-url is "+err.Error(), "give an address such as redis://:password@127.0.0.1:6379/0, best by SLUICE_REDIS_URL")
		return false
	}
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	if err := rdb.Ping(short).Err(); err != nil && !strings.HasPrefix(err.Error(), "NOPERM") {
		rdb.Close()
		text, remedy, _ := strings.Cut(config.RedisAway(err, e.RedisURL).Error(), ": ")
		if remedy == "" {
			remedy = "see that Redis runs, and that --redis-url names it"
		}
		e.fail(check, "", text, remedy)
		return false
	}
	e.redis = rdb
	trip := time.Since(began)
	if trip > 100*time.Millisecond {
		e.warn(check, config.HostsOf(e.RedisURL), fmt.Sprintf("Redis answers, in %s", trip.Round(time.Millisecond)), "keep Redis in the workers' network: from some 5 ms on the way costs pace")
	} else {
		e.ok(check, config.HostsOf(e.RedisURL), "Redis answers")
	}
	return true
}

// server looks at each master's settings and state.
func (e *examination) server(ctx context.Context) {
	look := func(ctx context.Context, rdb redis.Cmdable) {
		text, err := rdb.Info(ctx).Result()
		if err != nil {
			e.warn("redis.settings", "", "Redis does not tell its settings: "+err.Error(), "give the user +info, or see to it that redis.conf has `appendonly yes` and `maxmemory-policy noeviction`")
			return
		}
		e.told(fieldsOf(text))
	}
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cluster, ok := e.redis.(*redis.ClusterClient)
	if !ok {
		look(short, e.redis)
		return
	}
	masters := make(chan *redis.Client, 1000)
	if err := cluster.ForEachMaster(short, func(_ context.Context, c *redis.Client) error { masters <- c; return nil }); err != nil {
		e.fail("redis.reach", "", "not every master of the Cluster answers: "+err.Error(), "see `redis-cli cluster nodes`")
		return
	}
	for close(masters); len(masters) > 0; {
		look(short, <-masters)
	}
}

// fieldsOf are the fields of an INFO.
func fieldsOf(info string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// told looks at what one server tells of itself.
func (e *examination) told(info map[string]string) {
	e.version(info)
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		e.fail("redis.eviction", "", "maxmemory-policy is "+policy+": Redis may drop recipients and journals when its memory is full", "set `maxmemory-policy noeviction` in redis.conf, and by CONFIG SET at once")
	} else {
		e.ok("redis.eviction", "", "noeviction")
	}
	switch {
	case info["aof_enabled"] != "1":
		e.fail("redis.persistence", "", "appendonly is no: a restart of Redis loses what was submitted", "`CONFIG SET appendonly yes` first, which keeps what is there, then `appendonly yes` in redis.conf")
	case info["aof_last_write_status"] == "err":
		e.fail("redis.persistence", "", "Redis could not write its append-only file", "see that its disk has room, and its log")
	default:
		e.ok("redis.persistence", "", "appendonly")
	}
	e.memory(info)
	e.replication(info)
}

// Shares of its memory from which on Redis should have more.
const (
	muchMemory = 0.8
	allMemory  = 0.95
)

func (e *examination) memory(info map[string]string) {
	const check = "redis.memory"
	used, most := number(info["used_memory"]), number(info["maxmemory"])
	whose := "maxmemory"
	if most == 0 {
		most, whose = number(info["total_system_memory"]), "its machine's memory"
	}
	remedy := "raise maxmemory; 55 MB a million recipients is what campaigns take (docs/operating.md)"
	text := fmt.Sprintf("%.0f of %.0f MB of %s are in use", used/1e6, most/1e6, whose)
	switch {
	case most > 0 && used > allMemory*most:
		e.fail(check, "", text+": imports wait, and soon submissions do", remedy)
	case most > 0 && used > muchMemory*most:
		e.warn(check, "", text, remedy)
	case whose != "maxmemory":
		e.warn(check, "", text+"; there is no maxmemory", "set maxmemory below what the machine has: then Redis refuses when it is full, and is not killed")
	default:
		e.ok(check, "", text)
	}
}

func (e *examination) replication(info map[string]string) {
	const check = "redis.replication"
	_, needs := info["min_slaves_good_slaves"]
	switch {
	case info["role"] == "slave":
		e.fail(check, "", "this Redis is a replica, which takes no writes", "name the master in --redis-url, or the Sentinels: redis-sentinel://host:26379/master/0")
	case number(info["connected_slaves"]) > 0 && !needs:
		e.warn(check, "", "a failover may lose what this master acknowledged since its replica fell behind, and campaigns halt then", "set `min-replicas-to-write 1` and `min-replicas-max-lag 1`, which bound that to about two seconds")
	case needs && number(info["min_slaves_good_slaves"]) == 0:
		e.warn(check, "", "no replica keeps up, so that this master may take no writes", "see that a replica runs, and min-replicas-to-write")
	default:
		e.ok(check, "", info["role"]+" with "+info["connected_slaves"]+" replicas")
	}
}

func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

// Differences of clocks that somebody should know of. Nothing goes by a program's
// own clock but the time in a provider's signature, which is good for 60 seconds.
const (
	clockWarn = 5 * time.Second
	clockFail = 30 * time.Second
)

// clock holds Redis' clock against this machine's.
func (e *examination) clock(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	theirs, err := e.redis.Time(short).Result()
	if err != nil {
		e.rightsOf(err, "redis.clock", "TIME")
		return
	}
	e.apart("redis.clock", "", "Redis", theirs)
}

// apart says how far another clock is from this machine's.
func (e *examination) apart(check, about, whose string, theirs time.Time) {
	apart := theirs.Sub(e.Now()).Abs()
	text := fmt.Sprintf("the clock of %s and this machine's are %s apart", whose, apart.Round(time.Second))
	const remedy = "have chrony or ntpd set both: campaigns go by Redis' clock, signatures by this machine's, and those are good for 60 seconds"
	switch {
	case apart > clockFail:
		e.fail(check, about, text, remedy)
	case apart > clockWarn:
		e.warn(check, about, text, remedy)
	default:
		e.ok(check, about, text)
	}
}
