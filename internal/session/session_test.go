package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/internal/redistest"
	"sluice/internal/session"
	"sluice/internal/token"
)

func TestSession(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	now := time.Now()
	clock := func() time.Time { return now }
	tokens := token.NewStore(rdb, clock)
	s := session.NewStore(rdb, tokens, clock)
	text, made, err := tokens.Create(t.Context(), token.Order{Name: "a", Scopes: []string{token.Read}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Begin(t.Context(), text+"x"); !errors.Is(err, token.ErrUnknown) {
		t.Fatalf("a wrong token: %v", err)
	}
	begin := func() string {
		t.Helper()
		secret, _, err := s.Begin(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	there := func(secret string, want error) {
		t.Helper()
		got, err := s.Find(t.Context(), secret)
		if !errors.Is(err, want) || err == nil && got.ID != made.ID {
			t.Errorf("%v, want %v", err, want)
		}
	}
	first, second := begin(), begin()
	there(first, nil)
	there("", session.ErrNone)
	if err := s.End(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	there(first, session.ErrNone)
	there(second, nil)

	keys, err := rdb.Keys(t.Context(), "sluice:session:*").Result()
	if err != nil || len(keys) != 1 || strings.Contains(keys[0], second) {
		t.Fatalf("Redis has %q, %v", keys, err)
	}
	if ttl := rdb.TTL(t.Context(), keys[0]).Val(); ttl <= 0 || ttl > session.Idle {
		t.Errorf("it lasts %s", ttl)
	}
	now = now.Add(session.Most)
	there(second, session.ErrNone)

	third := begin()
	there(third, nil)
	if _, err := tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	there(third, session.ErrNone)
}
