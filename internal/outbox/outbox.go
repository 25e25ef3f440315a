// Package outbox tells programs what happened to their campaigns, over HTTP. What is
// to be told was written by the script that made it happen, so that none of it is
// lost; it is delivered at least once, under an id that is the same each time, and
// for a day and more where the other side is away.
package outbox

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// An Endpoint is where to tell.
type Endpoint struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Senders  []string  `json:"senders"` // of whose campaigns it may hear; empty: of all
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created_at"`
	Dead     int64     `json:"undelivered"` // events that were given up
}

// Hears says whether an endpoint may hear of a sender's campaigns.
func (e *Endpoint) Hears(sender string) bool {
	return len(e.Senders) == 0 || slices.Contains(e.Senders, sender)
}

// kept is an endpoint as Redis has it. Its secrets sign, and cannot be digests.
type kept struct {
	Endpoint
	Secrets [][]byte `json:"secrets"` // the newest first
}

// ErrNotFound says that there is no endpoint of a name.
var ErrNotFound = errors.New("there is no such endpoint")

// ErrExists says that there is another endpoint of a name.
var ErrExists = errors.New("there is another endpoint of this name")

// secretBegins is how Standard Webhooks write a secret.
const secretBegins = "whsec_"

// A Store keeps endpoints and what is to be told.
type Store struct {
	rdb redis.UniversalClient
	now func() time.Time
}

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient, now func() time.Time) *Store {
	return &Store{rdb: rdb, now: now}
}

func newSecret() ([]byte, string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, by its contract
	return b, secretBegins + base64.StdEncoding.EncodeToString(b)
}

// Create makes an endpoint, and returns the secret by which it is signed, this once.
func (s *Store) Create(ctx context.Context, e Endpoint) (secret string, err error) {
	raw, secret := newSecret()
	e.Created = s.now().UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(kept{Endpoint: e, Secrets: [][]byte{raw}})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	made, err := s.rdb.HSetNX(ctx, keys.Endpoints(), e.Name, text).Result()
	if err != nil {
		return "", fmt.Errorf("keeping the endpoint: %w", err)
	}
	if !made {
		return "", ErrExists
	}
	return secret, nil
}

func (s *Store) get(ctx context.Context, name string) (*kept, error) {
	text, err := s.rdb.HGet(ctx, keys.Endpoints(), name).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading the endpoint: %w", err)
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("reading the endpoint: %w", err)
	}
	return &k, nil
}

// Get is an endpoint, or ErrNotFound.
func (s *Store) Get(ctx context.Context, name string) (*Endpoint, error) {
	k, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return &k.Endpoint, nil
}

func (s *Store) put(ctx context.Context, k *kept) error {
	text, err := json.Marshal(k)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	if err := s.rdb.HSet(ctx, keys.Endpoints(), k.Name, text).Err(); err != nil {
		return fmt.Errorf("keeping the endpoint: %w", err)
	}
	return nil
}

// Rotate gives an endpoint another secret, and returns it. What is sent is signed by
// both, until the next Rotate.
func (s *Store) Rotate(ctx context.Context, name string) (secret string, err error) {
	k, err := s.get(ctx, name)
	if err != nil {
		return "", err
	}
	raw, secret := newSecret()
	k.Secrets = append([][]byte{raw}, k.Secrets[:min(len(k.Secrets), 1)]...)
	k.Disabled = false
	return secret, s.put(ctx, k)
}

// List are all endpoints by name.
func (s *Store) List(ctx context.Context) ([]Endpoint, error) {
	texts, err := s.rdb.HGetAll(ctx, keys.Endpoints()).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the endpoints: %w", err)
	}
	all := []Endpoint{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		var k kept
		if err := json.Unmarshal([]byte(texts[name]), &k); err != nil {
			return nil, fmt.Errorf("reading the endpoint: %w", err)
		}
		if k.Dead, err = s.rdb.SCard(ctx, keys.Undelivered(name)).Result(); err != nil {
			return nil, fmt.Errorf("reading the endpoint: %w", err)
		}
		if k.Senders == nil {
			k.Senders = []string{}
		}
		all = append(all, k.Endpoint)
	}
	return all, nil
}

// Delete ends an endpoint. What was to be told to it is dropped.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.rdb.HDel(ctx, keys.Endpoints(), name).Err(); err != nil {
		return fmt.Errorf("deleting the endpoint: %w", err)
	}
	return s.rdb.Unlink(ctx, keys.Undelivered(name)).Err()
}

// Redeliver has all that was given up be told again, also where the endpoint was
// disabled, and returns how many there are.
func (s *Store) Redeliver(ctx context.Context, name string) (int, error) {
	k, err := s.get(ctx, name)
	if err != nil {
		return 0, err
	}
	if k.Disabled {
		k.Disabled = false
		if err := s.put(ctx, k); err != nil {
			return 0, err
		}
	}
	dead, err := s.rdb.SMembers(ctx, keys.Undelivered(name)).Result()
	if err != nil {
		return 0, fmt.Errorf("reading what was not delivered: %w", err)
	}
	n := 0
	for _, place := range dead {
		id, seq, ok := strings.Cut(place, " ")
		if !ok {
			continue
		}
		due, err := redueScript.Run(ctx, s.rdb, []string{keys.Outbox(id), keys.Due(id)}, seq, s.now().UnixMilli()).Int()
		if err == nil {
			err = s.rdb.SAdd(ctx, keys.Outboxes(), id).Err()
		}
		if err == nil {
			err = s.rdb.SRem(ctx, keys.Undelivered(name), place).Err()
		}
		if err != nil {
			return n, fmt.Errorf("having it told again: %w", err)
		}
		n += due
	}
	return n, nil
}

// redueScript has an event be told again. KEYS: outbox, due. ARGV: seq, when in ms.
var redueScript = redis.NewScript(`
local event = redis.call('HGET', KEYS[1], ARGV[1])
if not event then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1] .. ':tries')
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1`)

// An Event is one thing that happened to a campaign.
type Event struct {
	Campaign string
	Seq      int
	Type     string // such as finished
	At       time.Time
	More     string // what stands beside its type, such as a number of percent
	Tries    int    // that failed
}

// ID is the same each time the event is told.
func (e *Event) ID() string { return e.Campaign + "." + strconv.Itoa(e.Seq) }

// leaseFor is how long an event is nobody else's to tell.
const leaseFor = 30 * time.Second

// takeScript takes the events of a campaign that are due.
// KEYS: outbox, due. ARGV: now, until when they are the caller's, how many at most.
// Returns seq, event and tries of each.
var takeScript = redis.NewScript(`
local out = {}
for _, seq in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
	local event = redis.call('HGET', KEYS[1], seq)
	if event then
		redis.call('ZADD', KEYS[2], ARGV[2], seq)
		out[#out + 1] = seq
		out[#out + 1] = event
		out[#out + 1] = redis.call('HGET', KEYS[1], seq .. ':tries') or '0'
	else
		redis.call('ZREM', KEYS[2], seq)
	end
end
return out`)

func (s *Store) take(ctx context.Context, id string) ([]Event, error) {
	now := s.now()
	found, err := takeScript.Run(ctx, s.rdb, []string{keys.Outbox(id), keys.Due(id)}, now.UnixMilli(), now.Add(leaseFor).UnixMilli(), 20).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("taking the events of %s: %w", id, err)
	}
	var events []Event
	for i := 0; i+2 < len(found); i += 3 {
		e := Event{Campaign: id}
		kind, at, _ := strings.Cut(found[i+1], " ")
		at, e.More, _ = strings.Cut(at, " ")
		ms, _ := strconv.ParseInt(at, 10, 64)
		e.Seq, _ = strconv.Atoi(found[i])
		e.Tries, _ = strconv.Atoi(found[i+2])
		e.Type, e.At = kind, time.UnixMilli(ms).UTC()
		events = append(events, e)
	}
	return events, nil
}

// told ends an event. Where only its first half is done, a count is left behind that
// nobody reads.
func (s *Store) told(ctx context.Context, e Event) error {
	seq := strconv.Itoa(e.Seq)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRem(ctx, keys.Due(e.Campaign), seq)
		p.HDel(ctx, keys.Outbox(e.Campaign), seq, seq+":tries")
		return nil
	})
	return err
}

// waits are how long after each failure an event is told again; then it is given up.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// failed has an event wait for its next attempt, or gives it up.
func (s *Store) failed(ctx context.Context, e Event, endpoint string, forGood bool, jitter float64) error {
	seq := strconv.Itoa(e.Seq)
	if forGood || e.Tries >= len(waits) {
		if err := s.rdb.SAdd(ctx, keys.Undelivered(endpoint), e.Campaign+" "+seq).Err(); err != nil {
			return err
		}
		return s.rdb.ZRem(ctx, keys.Due(e.Campaign), seq).Err()
	}
	wait := time.Duration(float64(waits[e.Tries]) * (0.9 + 0.2*jitter))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HIncrBy(ctx, keys.Outbox(e.Campaign), seq+":tries", 1)
		p.ZAdd(ctx, keys.Due(e.Campaign), redis.Z{Score: float64(s.now().Add(wait).UnixMilli()), Member: seq})
		return nil
	})
	return err
}

// campaigns are those that may have something to tell.
func (s *Store) campaigns(ctx context.Context) ([]string, error) {
	ids, err := s.rdb.SMembers(ctx, keys.Outboxes()).Result()
	if err != nil {
		return nil, fmt.Errorf("looking for what is to be told: %w", err)
	}
	return ids, nil
}

// Overdue is for how long the event has been due that has been due longest, of all
// campaigns; 0 where none is.
func (s *Store) Overdue(ctx context.Context) (time.Duration, error) {
	ids, err := s.campaigns(ctx)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	firsts := make([]*redis.ZSliceCmd, len(ids))
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			firsts[i] = p.ZRangeWithScores(ctx, keys.Due(id), 0, 0)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("looking for what is overdue: %w", err)
	}
	longest, now := time.Duration(0), s.now()
	for _, first := range firsts {
		for _, z := range first.Val() {
			longest = max(longest, now.Sub(time.UnixMilli(int64(z.Score))))
		}
	}
	return longest, nil
}

// close takes a campaign that is over from them, if nothing of it is to be told.
func (s *Store) close(ctx context.Context, id string) error {
	if left, err := s.rdb.ZCard(ctx, keys.Due(id)).Result(); err != nil || left > 0 {
		return err
	}
	if err := s.rdb.SRem(ctx, keys.Outboxes(), id).Err(); err != nil {
		return err
	}
	// It may have moved in between.
	left, err := s.rdb.ZCard(ctx, keys.Due(id)).Result()
	if err != nil || left == 0 {
		return err
	}
	return s.rdb.SAdd(ctx, keys.Outboxes(), id).Err()
}
