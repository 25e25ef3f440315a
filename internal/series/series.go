// Package series keeps how campaigns went over time, for charts: a bounded number of
// points a campaign, however long it runs. It is derived from the account, and nothing
// rests on it: what is lost of it is a picture.
package series

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

const (
	// Most is how many points a campaign has at most. Where there would be more every
	// other goes, so that they are twice as far apart from then on.
	Most = 360
	// lasts is how long they stay after the last.
	lasts = 30 * 24 * time.Hour
	// pointSize is a point's in Redis.
	pointSize = 8 * 4
)

// A Point is a campaign's account at one moment.
type Point struct {
	At                          time.Time
	Accepted, Rejected, InDoubt int
	// Delivered are those who got it and have not read it, as far as receipts say.
	Delivered, Read, Undelivered int
	Limit                        float64 // messages a second; 0: none
}

// same says that two points are of the same account.
func (p Point) same(o Point) bool {
	p.At = o.At
	return p == o
}

func (p Point) encode() string {
	b := make([]byte, 0, pointSize)
	for _, n := range []int{int(p.At.Unix()), p.Accepted, p.Rejected, p.InDoubt, p.Delivered, p.Read, p.Undelivered, int(p.Limit * 100)} {
		b = binary.BigEndian.AppendUint32(b, uint32(max(0, n)))
	}
	return string(b)
}

func decode(text string) (Point, error) {
	if len(text) != pointSize {
		return Point{}, errors.New("not a point")
	}
	n := func(i int) int { return int(binary.BigEndian.Uint32([]byte(text[4*i:]))) }
	return Point{
		At: time.Unix(int64(n(0)), 0).UTC(), Accepted: n(1), Rejected: n(2), InDoubt: n(3), Delivered: n(4), Read: n(5), Undelivered: n(6), Limit: float64(n(7)) / 100,
	}, nil
}

// A Store keeps points. It is safe for use by many goroutines; points are added by
// whoever has the turn.
type Store struct{ rdb redis.UniversalClient }

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient) *Store { return &Store{rdb: rdb} }

// Turn says whether it is owner's turn to add points, and is so for a while.
func (s *Store) Turn(ctx context.Context, owner string, every time.Duration) (bool, error) {
	const turns = 3 // that one may miss before another takes over
	has, err := s.rdb.SetNX(ctx, keys.SeriesTurn(), owner, turns*every).Result()
	if err != nil || has {
		return has, wrap(err)
	}
	now, err := s.rdb.Get(ctx, keys.SeriesTurn()).Result()
	if errors.Is(err, redis.Nil) || err == nil && now != owner {
		return false, nil
	}
	if err == nil {
		err = s.rdb.PExpire(ctx, keys.SeriesTurn(), turns*every).Err()
	}
	return err == nil, wrap(err)
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("keeping the series: %w", err)
	}
	return nil
}

// Add adds a point, unless the last is not long ago for a campaign that has run so
// long. Every is how far points are apart at least.
func (s *Store) Add(ctx context.Context, id string, p Point, every time.Duration) error {
	key := keys.Series(id)
	all, err := s.Read(ctx, id)
	if err != nil {
		return err
	}
	n := len(all)
	switch {
	case n >= 2 && all[n-1].same(p) && all[n-2].same(p):
		// Nothing goes on: the end of what is level moves.
		return wrap(s.rdb.LSet(ctx, key, -1, p.encode()).Err())
	case n > 0 && p.At.Sub(all[n-1].At) < gap(all, every):
		return nil
	case n >= Most:
		return s.thin(ctx, key, append(all, p))
	}
	_, err = s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.RPush(ctx, key, p.encode())
		pipe.PExpire(ctx, key, lasts)
		return nil
	})
	return wrap(err)
}

// gap is how far the next point is from the last at least, less what a clock is off by.
func gap(all []Point, every time.Duration) time.Duration {
	span := all[len(all)-1].At.Sub(all[0].At)
	for span > Most*every {
		every *= 2
	}
	return every - every/10
}

// thin leaves every other point out, but for the last one. Who reads or dies in the
// middle of it misses a picture.
func (s *Store) thin(ctx context.Context, key string, all []Point) error {
	var kept []any
	for i, p := range all {
		if i%2 == 0 || i == len(all)-1 {
			kept = append(kept, p.encode())
		}
	}
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Del(ctx, key)
		pipe.RPush(ctx, key, kept...)
		pipe.PExpire(ctx, key, lasts)
		return nil
	})
	return wrap(err)
}

// Thinned is of the points the last in each step, counted from the first one, and so
// always the last of all.
func Thinned(all []Point, step time.Duration) []Point {
	var kept []Point
	last := time.Duration(-1)
	for _, p := range all {
		n := p.At.Sub(all[0].At) / max(step, 1)
		if n == last {
			kept = kept[:len(kept)-1]
		}
		kept, last = append(kept, p), n
	}
	return kept
}

// Read is all that is kept of a campaign, in order; nothing of one that is not known.
func (s *Store) Read(ctx context.Context, id string) ([]Point, error) {
	texts, err := s.rdb.LRange(ctx, keys.Series(id), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the series of %s: %w", id, err)
	}
	all := make([]Point, 0, len(texts))
	for _, text := range texts {
		if p, err := decode(text); err == nil { // what is none is no picture
			all = append(all, p)
		}
	}
	return all, nil
}
