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
// 20 seconds. asynq gives a task up whose acknowledgement fails, and then runs it
// again; most outages end before that.
const (
	retries    = 40
	minBackoff = 8 * time.Millisecond
	maxBackoff = 512 * time.Millisecond
)

// OpenRedis makes a client from an address:
//
//	redis://[user:pass@]host:port/db and rediss://
//	unix:///path/to.sock?db=0
//	redis-sentinel://[user:pass@]host:port,host:port/master/db and rediss-sentinel://
//	redis-cluster://[user:pass@]host:port,host:port and rediss-cluster://
//
// Its errors never hold the password. It does not connect.
func OpenRedis(address string) (redis.UniversalClient, error) {
	scheme, _, found := strings.Cut(address, "://")
	if !found {
		return nil, errors.New("not an address such as redis://127.0.0.1:6379/0")
	}
	switch scheme {
	case "redis", "rediss", "unix":
		return openSingle(address)
	case "redis-sentinel", "rediss-sentinel":
		return openSentinel(address)
	case "redis-cluster", "rediss-cluster":
		return openCluster(address)
	}
	return nil, fmt.Errorf("the scheme %q is not known; use redis, rediss, unix, redis-sentinel or redis-cluster", scheme)
}

// QuietRedis keeps the client library from writing lines of its own to standard
// error: what matters of them comes back as errors. It holds for the process, so
// main calls it.
func QuietRedis() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func openSingle(address string) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("not an address such as redis://user:password@host:6379/0")
	}
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = retries, minBackoff, maxBackoff
	o.PoolSize = poolSize
	return redis.NewClient(o), nil
}

// poolSize is enough for the commands that one worker has under way at once.
const poolSize = 64

// several cuts an address with several hosts, which net/url refuses, apart.
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
	u, err = url.Parse(scheme + "://" + user + hosts[0] + path)
	if err != nil || hosts[0] == "" {
		return nil, nil, errors.New("not an address such as redis-sentinel://user:password@host1:26379,host2:26379/mymaster/0")
	}
	return hosts, u, nil
}

func openSentinel(address string) (redis.UniversalClient, error) {
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
		MasterName: master, SentinelAddrs: hosts, DB: n, PoolSize: poolSize,
		MaxRetries: retries, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		Username: u.User.Username(), TLSConfig: tlsFor(u.Scheme),
	}
	o.Password, _ = u.User.Password()
	return redis.NewFailoverClient(o), nil
}

func openCluster(address string) (redis.UniversalClient, error) {
	hosts, u, err := several(address)
	if err != nil {
		return nil, err
	}
	o := &redis.ClusterOptions{
		Addrs: hosts, PoolSize: poolSize,
		MaxRetries: retries, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		Username: u.User.Username(), TLSConfig: tlsFor(u.Scheme),
	}
	o.Password, _ = u.User.Password()
	return redis.NewClusterClient(o), nil
}
