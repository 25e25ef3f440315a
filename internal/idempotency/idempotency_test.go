package idempotency

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

func newStore(t *testing.T) (*Store, *redis.Client) {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	return NewStore(rdb), rdb
}

// begin begins and holds what it is told against what is awaited.
func begin(t *testing.T, s *Store, key, request string, want *Answer, fault error) {
	t.Helper()
	got, err := s.Begin(t.Context(), key, request)
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, fault) {
		t.Errorf("%s %s: %v (-want +got):\n%s", key, request, err, diff)
	}
}

// A request is first once; while it is answered, and when it has been, its key says
// so to the same request and is refused to another.
func TestAKeyIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	s, rdb := newStore(t)
	key, other := Key("owner", "key"), Key("owner", "another")
	begin(t, s, key, "r", nil, nil)
	begin(t, s, key, "r", nil, ErrInProgress)
	begin(t, s, key, "x", nil, ErrMismatch)
	begin(t, s, other, "x", nil, nil)
	if left := rdb.PTTL(t.Context(), keys.Idempotency(key)).Val(); left <= 0 || left > answering {
		t.Errorf("whoever has begun and is gone holds the key for %s", left)
	}

	answer := &Answer{Status: 201, Header: map[string]string{"Location": "/v1/campaigns/sale"}, Body: []byte("{\"id\":\"sale\"}\n\xff")}
	if err := s.Finish(t.Context(), key, "r", answer); err != nil {
		t.Fatal(err)
	}
	begin(t, s, key, "r", answer, nil)
	begin(t, s, key, "r", answer, nil)
	begin(t, s, key, "x", nil, ErrMismatch)
	begin(t, s, other, "x", nil, ErrInProgress)
	if left := rdb.PTTL(t.Context(), keys.Idempotency(key)).Val(); left <= answering || left > Lasts {
		t.Errorf("the answer is kept for %s", left)
	}
}

// What was refused is not kept: the next request is the first, even another.
func TestForgottenIsFirst(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	begin(t, s, "k", "r", nil, nil)
	if err := s.Forget(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	begin(t, s, "k", "x", nil, nil)
}

// Of many at once one alone is the first.
func TestOneOfManyIsFirst(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	const many = 16
	faults := make([]error, many)
	var all sync.WaitGroup
	for i := range faults {
		all.Go(func() { _, faults[i] = s.Begin(t.Context(), "k", "r") })
	}
	all.Wait()
	first := 0
	for _, err := range faults {
		switch {
		case err == nil:
			first++
		case !errors.Is(err, ErrInProgress):
			t.Error(err)
		}
	}
	if first != 1 {
		t.Errorf("%d were the first", first)
	}
}

// A key of one owner's is nobody else's, wherever the names are parted.
func TestKeysAreOfTheirOwners(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, of := range [][2]string{{"a", "b"}, {"b", "a"}, {"ab", ""}, {"", "ab"}, {"a", "bc"}, {"ab", "c"}} {
		key := Key(of[0], of[1])
		if seen[key] || len(key) != 64 {
			t.Errorf("%q: %s", of, key)
		}
		seen[key] = true
	}
}

// An answer that cannot be read, and a Redis that is away, are errors and no first
// request: it would be carried out twice.
func TestWhatCannotBeReadIsNoFirstRequest(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	s := NewStore(rdb)
	if err := rdb.Set(t.Context(), keys.Idempotency("k"), "not JSON", 0).Err(); err != nil {
		t.Fatal(err)
	}
	away := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	away.Close()
	for name, s := range map[string]*Store{"an answer of no form": s, "a Redis that is away": NewStore(away)} {
		_, err := s.Begin(t.Context(), "k", "r")
		if err == nil || errors.Is(err, ErrInProgress) || errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := NewStore(away).Finish(t.Context(), "k", "r", &Answer{}); err == nil {
		t.Error("an answer was kept nowhere")
	}
}
