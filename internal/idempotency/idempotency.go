// Package idempotency remembers what a request was answered that carried a key, so
// that whoever lost the answer can ask again: the request is carried out once, and
// answered alike as long as its answer is kept.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

const (
	// Lasts is how long an answer is kept.
	Lasts = 7 * 24 * time.Hour
	// answering is how long a request may take before another with its key is carried
	// out: whoever answered it is gone.
	answering = time.Minute
)

// What a caller branches on.
var (
	ErrInProgress = errors.New("the request is being answered")
	ErrMismatch   = errors.New("the key came with another request")
)

// An Answer is what a request was answered.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

type entry struct {
	Request string  `json:"request"` // its digest
	Answer  *Answer `json:"answer"`  // nil: it is being answered
}

// A Store keeps answers.
type Store struct{ rdb redis.UniversalClient }

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient) *Store { return &Store{rdb: rdb} }

// Key is where the answer stands to a key of this owner's.
func Key(owner, key string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + key))
	return hex.EncodeToString(sum[:])
}

// Begin says what a request was answered before; nil: it is the first, and Finish or
// Forget is to follow.
func (s *Store) Begin(ctx context.Context, key, request string) (*Answer, error) {
	fresh, err := json.Marshal(entry{Request: request})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	first, err := s.rdb.SetNX(ctx, keys.Idempotency(key), fresh, answering).Result()
	if err == nil && first {
		return nil, nil //nolint:nilnil // there was no answer
	}
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier answer: %w", err)
	}
	was, err := s.rdb.Get(ctx, keys.Idempotency(key)).Result()
	if errors.Is(err, redis.Nil) { // whoever answered it has just failed
		return nil, ErrInProgress
	}
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier answer: %w", err)
	}
	var e entry
	if err := json.Unmarshal([]byte(was), &e); err != nil {
		return nil, fmt.Errorf("reading an earlier answer: %w", err)
	}
	switch {
	case e.Request != request:
		return nil, ErrMismatch
	case e.Answer == nil:
		return nil, ErrInProgress
	}
	return e.Answer, nil
}

// Finish keeps an answer.
func (s *Store) Finish(ctx context.Context, key, request string, a *Answer) error {
	text, err := json.Marshal(entry{Request: request, Answer: a})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	if err := s.rdb.Set(ctx, keys.Idempotency(key), text, Lasts).Err(); err != nil {
		return fmt.Errorf("keeping the answer: %w", err)
	}
	return nil
}

// Forget has the next request with this key be the first.
func (s *Store) Forget(ctx context.Context, key string) error {
	return s.rdb.Del(ctx, keys.Idempotency(key)).Err()
}
