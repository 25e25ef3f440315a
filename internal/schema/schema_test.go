package schema

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// A Redis is refused by what it holds, with what is to be done; an empty one gets
// its number.
func TestCheck(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx := t.Context()
	for name, test := range map[string]struct {
		before func()
		want   []string // of the error; none: it is taken
	}{
		"empty":    {func() {}, nil},
		"numbered": {func() { rdb.HSet(ctx, keys.Schema(), fieldNumber, Number) }, nil},
		"needs what we know": {func() {
			rdb.HSet(ctx, keys.Schema(), fieldNumber, Number)
			_ = Need(ctx, rdb, Revision)
		}, nil},
		"before there was a number": {
			func() { rdb.ZAdd(ctx, "sluice:campaigns"); rdb.SAdd(ctx, "sluice:active", "old") },
			[]string{"before schema numbers", "finish its campaigns or export them with the version that wrote them"},
		},
		"suppression list alone": {func() { rdb.SAdd(ctx, "sluice:suppress", "x") }, []string{"before schema numbers"}},
		"another number": {
			func() { rdb.HSet(ctx, keys.Schema(), fieldNumber, Number+1) },
			[]string{`is of schema "2"`, "schema 1", "export them with the version that wrote them"},
		},
		"needs a newer program": {
			func() {
				rdb.HSet(ctx, keys.Schema(), fieldNumber, Number)
				_ = Need(ctx, rdb, Revision+1)
				_ = Need(ctx, rdb, Revision) // it is never lowered
			},
			[]string{"a newer version", "use that version"},
		},
	} {
		rdb.FlushAll(ctx)
		test.before()
		for range 2 { // what was found the first time changes nothing
			err := Check(ctx, rdb)
			if (err != nil) != (len(test.want) > 0) || err != nil && !errors.Is(err, ErrOther) {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, words := range test.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%s: %q does not say %q", name, err, words)
				}
			}
		}
		if number := rdb.HGet(ctx, keys.Schema(), fieldNumber).Val(); len(test.want) == 0 && number != "1" {
			t.Errorf("%s: the number is %q", name, number)
		}
	}
}

// Programs that start at once on an empty Redis, and write their first keys, do
// not take each other for earlier versions.
func TestManyStartAtOnce(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	for range 50 {
		rdb.FlushAll(t.Context())
		var starting sync.WaitGroup
		for range 4 {
			starting.Go(func() {
				if err := Check(t.Context(), rdb); err != nil {
					t.Error(err)
				}
				rdb.SAdd(t.Context(), "sluice:active", "new")
			})
		}
		starting.Wait()
	}
}

// A Redis that does not answer is no other Redis.
func TestCheckWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	server.Kill(t)
	if err := Check(t.Context(), rdb); err == nil || errors.Is(err, ErrOther) {
		t.Error(err)
	}
}
