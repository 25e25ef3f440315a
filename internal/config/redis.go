package config

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis rides over short outages: with these, a command is tried for about
// 35 seconds where nothing listens: the waits between the tries take 20, and each
// try dials five times. asynq gives a task up whose acknowledgement fails, and then runs it
// again; most outages end before that.
const (
	retries    = 40
	minBackoff = 8 * time.Millisecond
	maxBackoff = 512 * time.Millisecond
	// poolSize is enough for the commands that one worker has under way at once.
	poolSize = 64
)

// A RedisOption changes how a client behaves.
type RedisOption func(*redisSettings)

type redisSettings struct {
	poolSize, retries int
	connected         func(context.Context, *redis.Conn) error
}

// PoolSize is the most connections that a client opens; 64 without it.
func PoolSize(n int) RedisOption { return func(s *redisSettings) { s.poolSize = n } }

// Retries is how often a command is tried again while Redis is away; 40 without
// it, which is about 35 seconds. 0 is never.
func Retries(n int) RedisOption {
	return func(s *redisSettings) {
		if s.retries = n; n == 0 {
			s.retries = -1 // 0 is the library's own default
		}
	}
}

// Connected has f asked with each new connection to a server, before anything else
// is; where it fails, so does the connection. It is not asked of a Cluster.
func Connected(f func(context.Context, *redis.Conn) error) RedisOption {
	return func(s *redisSettings) { s.connected = f }
}

// OpenRedis makes a client from an address:
//
//	redis://[user:pass@]host:port/db and rediss://
//	unix:///path/to.sock?db=0
//	redis-sentinel://[user:pass@]host:port,host:port/master/db and rediss-sentinel://
//	redis-cluster://[user:pass@]host:port,host:port and rediss-cluster://
//
// Its errors never hold the password. It does not connect.
func OpenRedis(address string, options ...RedisOption) (redis.UniversalClient, error) {
	set := redisSettings{poolSize: poolSize, retries: retries}
	for _, o := range options {
		o(&set)
	}
	scheme, _, found := strings.Cut(address, "://")
	if !found {
		return nil, errors.New("not an address such as redis://127.0.0.1:6379/0")
	}
	switch scheme {
	case "redis", "rediss", "unix":
		return openSingle(address, set)
	case "redis-sentinel", "rediss-sentinel":
		return openSentinel(address, set)
	case "redis-cluster", "rediss-cluster":
		return openCluster(address, set)
	}
	return nil, fmt.Errorf("the scheme %q is not known; use redis, rediss, unix, redis-sentinel or redis-cluster", scheme)
}

// QuietRedis keeps the client library from writing lines of its own to standard
// error: what matters of them comes back as errors. It holds for the process, so
// main calls it.
func QuietRedis() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func openSingle(address string, set redisSettings) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("not an address such as redis://user:password@host:6379/0")
	}
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = set.retries, minBackoff, maxBackoff
	o.PoolSize, o.OnConnect = set.poolSize, set.connected
	return redis.NewClient(o), nil
}

// several cuts an address with several hosts apart.
func several(address string) (hosts []string, u *url.URL, err error) {
	scheme, rest, _ := strings.Cut(address, "://")
	path := ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, path = rest[:i], rest[i:]
	}
	user := ""
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = rest[:i+1], rest[i+1:]
	}
	hosts = strings.Split(rest, ",")
	for i, host := range hosts {
		// Each by itself, for net/url refuses several.
		one, err := url.Parse(scheme + "://" + user + host + path)
		if err != nil || one.Hostname() == "" || one.Port() == "" || one.RawQuery != "" || one.Fragment != "" {
			return nil, nil, errors.New("not an address such as redis-sentinel://user:password@host1:26379,host2:26379/mymaster/0 or redis-cluster://host1:6379,host2:6379")
		}
		if i == 0 {
			u = one
		}
	}
	return hosts, u, nil
}

func openSentinel(address string, set redisSettings) (redis.UniversalClient, error) {
	hosts, u, err := several(address)
	if err != nil {
		return nil, err
	}
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if master == "" {
		return nil, errors.New("the address of a Sentinel needs the master's name: redis-sentinel://host:26379/mymaster/0")
	}
	n := 0
	if db != "" {
		if n, err = strconv.Atoi(db); err != nil || n < 0 {
			return nil, errors.New("the database in the address of a Sentinel must be a number")
		}
	}
	o := &redis.FailoverOptions{
		MasterName: master, SentinelAddrs: hosts, DB: n, PoolSize: set.poolSize,
		MaxRetries: set.retries, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		Username: u.User.Username(), TLSConfig: tlsFor(u.Scheme), OnConnect: set.connected,
	}
	o.Password, _ = u.User.Password()
	return redis.NewFailoverClient(o), nil
}

func openCluster(address string, set redisSettings) (redis.UniversalClient, error) {
	hosts, u, err := several(address)
	if err != nil {
		return nil, err
	}
	if strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("the address of a Cluster ends with its hosts: a Cluster has one database")
	}
	o := &redis.ClusterOptions{
		Addrs: hosts, PoolSize: set.poolSize,
		MaxRetries: set.retries, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		Username: u.User.Username(), TLSConfig: tlsFor(u.Scheme),
	}
	o.Password, _ = u.User.Password()
	return redis.NewClusterClient(o), nil
}
