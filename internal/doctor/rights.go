package doctor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// tried is how long a key lives that Redis is tried with, if it is not deleted.
const tried = 10 * time.Second

// rights tries each kind of command that the programs use, on keys of its own.
func (e *examination) rights(ctx context.Context) {
	const check = "redis.rights"
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	id := uuid.NewString()
	ours, queue := keys.Rights(id), keys.Queue("doctor-"+id, "t")
	before := len(e.findings)
	for _, key := range []string{ours, queue} {
		for _, try := range []struct {
			what string
			do   func(redis.Pipeliner) redis.Cmder
		}{
			{"write " + kindOf(key), func(p redis.Pipeliner) redis.Cmder { return p.Set(short, key, "x", tried) }},
			{"read " + kindOf(key), func(p redis.Pipeliner) redis.Cmder { return p.Get(short, key) }},
			{"run scripts on " + kindOf(key), func(p redis.Pipeliner) redis.Cmder {
				return p.Eval(short, "return redis.call('EXISTS', KEYS[1])", []string{key})
			}},
			{"delete " + kindOf(key), func(p redis.Pipeliner) redis.Cmder { return p.Del(short, key) }},
		} {
			p := e.redis.Pipeline()
			cmd := try.do(p)
			_, _ = p.Exec(short) // the command has its error
			if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
				e.rightsOf(err, check, try.what)
			}
		}
	}
	sub := e.redis.Subscribe(short, keys.Changes())
	defer func() { _ = sub.Close() }()
	if _, err := sub.Receive(short); err != nil && strings.HasPrefix(err.Error(), "NOPERM") {
		e.warn(check, "", "Redis' user may not listen to "+keys.Changes()+": workers hear of changes up to five seconds late", "give it the channels of the recipe in docs/redis.md")
	}
	if len(e.findings) == before {
		e.ok(check, "", "Redis' user may do what is needed")
	}
}

// kindOf is whose keys it is, as the recipe names them.
func kindOf(key string) string {
	name, _, _ := strings.Cut(key, ":")
	return name + ":*"
}

// rightsOf tells of a command that Redis refused.
func (e *examination) rightsOf(err error, check, what string) {
	switch {
	case strings.HasPrefix(err.Error(), "NOPERM"):
		e.fail(check, "", "Redis' user may not "+what, "make it by the recipe in docs/redis.md")
	case strings.HasPrefix(err.Error(), "OOM"):
		e.fail("redis.memory", "", "Redis is full and refuses to "+what, "raise maxmemory; what waits goes on then by itself")
	case strings.HasPrefix(err.Error(), "READONLY"):
		// the finding about replication says it
	case strings.HasPrefix(err.Error(), "MISCONF"):
		e.fail("redis.persistence", "", "Redis takes no writes, for it cannot keep them", "see that its disk has room, and its log")
	default:
		e.fail(check, "", "Redis refuses to "+what+": "+err.Error(), "see its log")
	}
}
