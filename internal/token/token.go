// Package token keeps the tokens by which programs are let in. Redis has no more of
// a token than a digest, so that who reads Redis cannot use it; a token is shown
// once, where it is made.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// The scopes: what a token may do.
const (
	Read     = "read"     // see campaigns and their accounts, numbers masked
	Write    = "write"    // compose campaigns and change their settings
	Send     = "send"     // launch, pause, resume, cancel
	PII      = "pii"      // see phone numbers
	Suppress = "suppress" // keep the list of those who get no message
	Admin    = "admin"    // tokens
)

// Scopes are all of them.
var Scopes = []string{Read, Write, Send, PII, Suppress, Admin}

// ErrUnknown says that a token is none, was revoked or is over.
var ErrUnknown = errors.New("there is no such token")

// A Token is what is known of one.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Senders []string   `json:"senders"` // that it may see and use; empty: all
	Allow   []string   `json:"allow"`   // networks that it may be used from; empty: any
	Created time.Time  `json:"created_at"`
	Expires *time.Time `json:"expires_at"` // null: never
	Used    *time.Time `json:"used_at"`    // by the minute; null: never
}

// May says whether a token has a scope.
func (t *Token) May(scope string) bool { return slices.Contains(t.Scopes, scope) }

// Knows says whether a sender is there for a token.
func (t *Token) Knows(sender string) bool {
	return len(t.Senders) == 0 || slices.Contains(t.Senders, sender)
}

// Sees says whether a token is there for another that keeps tokens: nobody keeps one
// of senders that it does not know.
func (t *Token) Sees(other *Token) bool {
	return len(t.Senders) == 0 || len(other.Senders) > 0 && !slices.ContainsFunc(other.Senders, func(name string) bool { return !t.Knows(name) })
}

// From says whether a token may be used from an address, as net/http has it.
func (t *Token) From(addr string) bool {
	if len(t.Allow) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return false
	}
	ip := at.Addr().WithZone("").Unmap()
	return slices.ContainsFunc(t.Allow, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Contains(ip)
	})
}

// Within says that whatever an address is in of these networks, it is in the token's.
func (t *Token) Within(allow []string) bool {
	if len(t.Allow) == 0 {
		return true
	}
	return len(allow) > 0 && !slices.ContainsFunc(allow, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err != nil || !slices.ContainsFunc(t.Allow, func(own string) bool {
			o, err := netip.ParsePrefix(own)
			return err == nil && o.Bits() <= p.Bits() && o.Contains(p.Addr())
		})
	})
}

// kept is a token as Redis has it.
type kept struct {
	Token
	Digest string `json:"digest"`
}

// A Store keeps tokens.
type Store struct {
	rdb redis.UniversalClient
	now func() time.Time
}

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient, now func() time.Time) *Store {
	return &Store{rdb: rdb, now: now}
}

// An Order is a token to be made.
type Order struct {
	Name    string
	Scopes  []string
	Senders []string
	Allow   []string      // networks such as 10.0.0.0/8
	For     time.Duration // 0: for ever
}

const (
	begins     = "slc_"
	idLen      = 8
	secretLen  = 43 // 256 bits
	idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	base62     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + idAlphabet
	maxName    = 100
)

// Check says what is wrong with an order.
func (o *Order) Check() error {
	if o.Name == "" || len(o.Name) > maxName {
		return fmt.Errorf("a token needs a name of up to %d bytes", maxName)
	}
	if len(o.Scopes) == 0 {
		return fmt.Errorf("a token needs scopes, of %s", strings.Join(Scopes, ", "))
	}
	for _, scope := range o.Scopes {
		if !slices.Contains(Scopes, scope) {
			return fmt.Errorf("there is no scope %q; there are %s", scope, strings.Join(Scopes, ", "))
		}
	}
	for _, text := range o.Allow {
		if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
			return fmt.Errorf("%q is not a network such as 10.0.0.0/8 or 192.0.2.7/32", text)
		}
	}
	return nil
}

// Create makes a token and returns its text, which nobody can be told again.
func (s *Store) Create(ctx context.Context, o Order) (text string, t *Token, err error) {
	if err := o.Check(); err != nil {
		return "", nil, err
	}
	secret := draw(base62, secretLen)
	k := kept{Token: Token{ID: draw(idAlphabet, idLen), Name: o.Name, Scopes: o.Scopes, Senders: o.Senders, Allow: o.Allow, Created: s.now().UTC().Truncate(time.Millisecond)}, Digest: digest(secret)}
	if k.Senders == nil {
		k.Senders = []string{}
	}
	if k.Allow == nil {
		k.Allow = []string{}
	}
	if o.For > 0 {
		at := k.Created.Add(o.For)
		k.Expires = &at
	}
	value, err := json.Marshal(k)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	if err := s.rdb.HSet(ctx, keys.Tokens(), k.ID, value).Err(); err != nil {
		return "", nil, fmt.Errorf("keeping the token: %w", err)
	}
	return begins + k.ID + "_" + secret, &k.Token, nil
}

// draw draws a text by chance.
func draw(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err) // never, by the contract of rand.Reader
		}
		b[i] = alphabet[k.Int64()]
	}
	return string(b)
}

// digest is enough of a secret of 256 bits of chance: nobody can try them.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Check finds the token of this text, or returns ErrUnknown.
func (s *Store) Check(ctx context.Context, text string) (*Token, error) {
	rest, ok := strings.CutPrefix(text, begins)
	id, secret, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || len(id) != idLen || len(secret) != secretLen {
		return nil, ErrUnknown
	}
	k, err := s.good(ctx, id)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(k.Digest), []byte(digest(secret))) != 1 {
		return nil, ErrUnknown
	}
	return &k.Token, nil
}

// Get is the token of this id, as long as it is good; else ErrUnknown. It is for those
// who have seen its text before.
func (s *Store) Get(ctx context.Context, id string) (*Token, error) {
	k, err := s.good(ctx, id)
	if err != nil {
		return nil, err
	}
	return &k.Token, nil
}

// good is a token that was neither revoked nor is over.
func (s *Store) good(ctx context.Context, id string) (*kept, error) {
	value, err := s.rdb.HGet(ctx, keys.Tokens(), id).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	var k kept
	if err := json.Unmarshal(value, &k); err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	if k.Expires != nil && !s.now().Before(*k.Expires) {
		return nil, ErrUnknown
	}
	return &k, nil
}

// Touch notes that a token was used.
func (s *Store) Touch(ctx context.Context, id string) error {
	return s.rdb.HSet(ctx, keys.TokensUsed(), id, s.now().Unix()).Err()
}

// List are all tokens, the newest first.
func (s *Store) List(ctx context.Context) ([]Token, error) {
	values, err := s.rdb.HGetAll(ctx, keys.Tokens()).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the tokens: %w", err)
	}
	used, err := s.rdb.HGetAll(ctx, keys.TokensUsed()).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the tokens: %w", err)
	}
	all := []Token{}
	for id, value := range values {
		var k kept
		if err := json.Unmarshal([]byte(value), &k); err != nil {
			return nil, fmt.Errorf("reading token %s: %w", id, err)
		}
		var at int64
		if _, err := fmt.Sscan(used[id], &at); err == nil {
			t := time.Unix(at, 0).UTC().Truncate(time.Minute)
			k.Used = &t
		}
		all = append(all, k.Token)
	}
	slices.SortFunc(all, func(a, b Token) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// Revoke ends a token; false: there was none of this id.
func (s *Store) Revoke(ctx context.Context, id string) (bool, error) {
	n, err := s.rdb.HDel(ctx, keys.Tokens(), id).Result()
	if err == nil {
		err = s.rdb.HDel(ctx, keys.TokensUsed(), id).Err()
	}
	if err != nil {
		return false, fmt.Errorf("revoking the token: %w", err)
	}
	return n > 0, nil
}
