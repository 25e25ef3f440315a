// Package schema keeps every program from a Redis whose keys have a form that it
// does not know. It guarantees that no two forms of keys meet in one Redis, and
// that a program which cannot read all that newer ones may have written does not
// start.
//
// Revision 2 is of what came beside them: a worker of it heeds that a campaign's
// message was amended, and none is amended while one lives that does not.
//
// Number changes where keys change so that programs before and after cannot work
// side by side. Revision changes with each kind of record that comes to the
// journals: programs of several revisions work side by side, for a new kind is
// written only once all that live know it.
package schema

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

const (
	// Number is the form of keys that this program reads and writes.
	Number = 1
	// Revision is how far this program knows the journals' kinds of record.
	Revision = 2
)

// ErrOther says that a Redis is of another form, or holds what this program
// cannot read.
var ErrOther = errors.New("this program cannot work with what this Redis holds")

const (
	fieldNumber = "number"
	fieldNeeds  = "needs"
)

// unnumbered are keys of the time before there was a number, one of which was
// written by whatever was done then.
func unnumbered() []string {
	return []string{keys.Campaigns(), keys.Active(), keys.Suppressed()}
}

// Check refuses with ErrOther, and says what to do, a Redis of another number or
// of the time before there was one, and one that needs a newer program. An empty
// Redis becomes one of this number.
func Check(ctx context.Context, rdb redis.UniversalClient) error {
	for {
		held, err := rdb.HGetAll(ctx, keys.Schema()).Result()
		if err != nil {
			return fmt.Errorf("reading the schema number: %w", err)
		}
		if len(held) > 0 {
			return check(held)
		}
		old, err := exists(ctx, rdb, unnumbered())
		if err != nil {
			return fmt.Errorf("looking for keys of an earlier version: %w", err)
		}
		// Whoever was quicker wrote the number before any other key.
		numbered, err := rdb.Exists(ctx, keys.Schema()).Result()
		if err != nil {
			return fmt.Errorf("reading the schema number: %w", err)
		}
		if numbered > 0 {
			continue
		}
		if old {
			return fmt.Errorf("%w: its campaigns are of a version of sluice before schema numbers, and this one is of schema %d; %s", ErrOther, Number, remedy)
		}
		if err := rdb.HSetNX(ctx, keys.Schema(), fieldNumber, Number).Err(); err != nil {
			return fmt.Errorf("writing the schema number: %w", err)
		}
	}
}

// Used says whether Check has made a Redis one of this number; nothing is written. Its
// errors are Check's.
func Used(ctx context.Context, rdb redis.UniversalClient) (bool, error) {
	held, err := rdb.HGetAll(ctx, keys.Schema()).Result()
	switch {
	case err != nil:
		return false, fmt.Errorf("reading the schema number: %w", err)
	case len(held) == 0:
		return false, nil
	}
	return true, check(held)
}

const remedy = "finish its campaigns or export them with the version that wrote them, then use an empty Redis database with this one"

func check(held map[string]string) error {
	if held[fieldNumber] != strconv.Itoa(Number) {
		return fmt.Errorf("%w: it is of schema %.20q, and this version of sluice is of schema %d; %s", ErrOther, held[fieldNumber], Number, remedy)
	}
	needs, err := strconv.Atoi(held[fieldNeeds])
	if held[fieldNeeds] != "" && (err != nil || needs > Revision) {
		return fmt.Errorf("%w: a newer version of sluice has written here what this one cannot read; use that version, or a newer one (revision %.20s is needed, and this is %d)",
			ErrOther, held[fieldNeeds], Revision)
	}
	return nil
}

// exists says whether one of the keys, which lie in many slots, is there.
func exists(ctx context.Context, rdb redis.UniversalClient, keys []string) (bool, error) {
	asked := make([]*redis.IntCmd, len(keys))
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			asked[i] = p.Exists(ctx, key)
		}
		return nil
	})
	for _, a := range asked {
		if a.Val() > 0 {
			return true, err
		}
	}
	return false, err
}

// needScript raises what is needed, and never lowers it.
// KEYS: schema. ARGV: revision.
var needScript = redis.NewScript(`
local needs = tonumber(redis.call('HGET', KEYS[1], 'needs') or '0')
if needs < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'needs', ARGV[1]) end
return 1`)

// Need keeps programs of an earlier revision from starting from now on.
func Need(ctx context.Context, rdb redis.UniversalClient, revision int) error {
	if err := needScript.Run(ctx, rdb, []string{keys.Schema()}, revision).Err(); err != nil {
		return fmt.Errorf("keeping earlier versions from starting: %w", err)
	}
	return nil
}
