// Package session keeps who is signed in on the page. A session stands on a token: it
// may what its token may at the moment it is asked, and ends with it. Redis has a digest
// of the browser's secret alone, so that who reads Redis can be nobody else.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/token"
)

const (
	// Idle is how long a session lasts that nobody uses.
	Idle = 12 * time.Hour
	// Most is how long one lasts at most.
	Most = 7 * 24 * time.Hour

	secretBytes = 32
)

// ErrNone says that there is no session: it never was, it ended, or its token is not
// good any more.
var ErrNone = errors.New("nobody is signed in")

// A kept session is one as Redis has it.
type kept struct {
	Token string `json:"token"` // its id
	Began int64  `json:"began"` // in Unix seconds
}

// A Store keeps sessions. It is safe for use by many goroutines.
type Store struct {
	rdb    redis.UniversalClient
	tokens *token.Store
	now    func() time.Time
}

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient, tokens *token.Store, now func() time.Time) *Store {
	return &Store{rdb: rdb, tokens: tokens, now: now}
}

// Begin signs in with the text of a token, and returns the secret for the browser. A
// text that is none is token.ErrUnknown.
func (s *Store) Begin(ctx context.Context, text string) (secret string, t *token.Token, err error) {
	t, err = s.tokens.Check(ctx, text)
	if err != nil {
		return "", nil, err
	}
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails, by its contract
	secret = base64.RawURLEncoding.EncodeToString(b)
	value, err := json.Marshal(kept{Token: t.ID, Began: s.now().Unix()})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	if err := s.rdb.Set(ctx, key(secret), value, Idle).Err(); err != nil {
		return "", nil, fmt.Errorf("keeping the session: %w", err)
	}
	return secret, t, nil
}

// Find is the token behind a secret, as it is now, or ErrNone. The session lasts anew
// from then on.
func (s *Store) Find(ctx context.Context, secret string) (*token.Token, error) {
	value, err := s.rdb.GetEx(ctx, key(secret), Idle).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("reading the session: %w", err)
	}
	var k kept
	if err := json.Unmarshal(value, &k); err != nil {
		return nil, fmt.Errorf("reading the session: %w", err)
	}
	if s.now().Sub(time.Unix(k.Began, 0)) >= Most {
		return nil, errors.Join(ErrNone, s.End(ctx, secret))
	}
	t, err := s.tokens.Get(ctx, k.Token)
	if errors.Is(err, token.ErrUnknown) {
		return nil, errors.Join(ErrNone, s.End(ctx, secret))
	}
	return t, err
}

// End ends a session.
func (s *Store) End(ctx context.Context, secret string) error {
	if err := s.rdb.Del(ctx, key(secret)).Err(); err != nil {
		return fmt.Errorf("ending the session: %w", err)
	}
	return nil
}

// key needs no slow hash: nobody can try 256 bits of chance.
func key(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return keys.Session(hex.EncodeToString(sum[:]))
}
