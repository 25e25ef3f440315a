package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/schema"
)

// forgotten is how long the index of workers names one that beats no more.
const forgotten = time.Hour

// A Heartbeat is what a worker says of itself while it lives.
type Heartbeat struct {
	Worker string `json:"-"`
	// Version is the program's, for people; Revision is how far it knows the kinds
	// of record.
	Version  string `json:"version"`
	Revision int    `json:"revision"`
	// What it does, for people.
	Host      string    `json:"host"`
	Since     time.Time `json:"since"`
	Senders   []string  `json:"senders"`   // that it can send by
	Campaigns []string  `json:"campaigns"` // that it sends now
	InFlight  int       `json:"in_flight"` // submissions without an answer yet
	// Circuits are the senders whose circuit breaker is open there.
	Circuits map[string]Circuit `json:"circuits,omitempty"`
	// Paused is until when the providers of senders want nothing, by what it knows.
	Paused map[string]time.Time `json:"paused,omitempty"`
	// Beat is when it beat last.
	Beat time.Time `json:"-"`
}

// A Circuit is an open circuit breaker.
type Circuit struct {
	Since time.Time `json:"since"`
	Code  string    `json:"code"` // of the last outage
}

// A Beat is a heartbeat that was given.
type Beat struct {
	At  time.Time // when, to the millisecond
	Was time.Time // when the worker's last one was given that Redis knew; zero: it knew none
}

// Beat gives a worker's heartbeat: it counts as alive for so long from now.
func (l *Ledger) Beat(ctx context.Context, h Heartbeat, lasts time.Duration) (Beat, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return Beat{}, fmt.Errorf("giving the heartbeat of %s: %w", h.Worker, err)
	}
	now := l.now()
	var was *redis.FloatCmd
	// The heartbeat first: the index may name who is gone, and leaves nobody out
	// for longer than until the next.
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, keys.Worker(h.Worker), text, lasts)
		p.Del(ctx, keys.Rested())
		was = p.ZScore(ctx, keys.Workers(), h.Worker)
		// One that a network held back may arrive behind later ones, and takes none of them
		// back: what Redis has less of than it had was lost.
		p.ZAddGT(ctx, keys.Workers(), redis.Z{Score: float64(now.UnixMilli()), Member: h.Worker})
		p.ZRemRangeByScore(ctx, keys.Workers(), "-inf", fmt.Sprint(now.Add(-forgotten).UnixMilli()))
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return Beat{}, fmt.Errorf("giving the heartbeat of %s: %w", h.Worker, err)
	}
	b := Beat{At: time.UnixMilli(now.UnixMilli())}
	if was.Err() == nil {
		b.Was = time.UnixMilli(int64(was.Val()))
	}
	return b, nil
}

// Leave ends a worker's heartbeat at once. It must have released all claims. The
// index names it on, for whoever asks when the last worker was there; the last one
// leaves a mark that it stopped in order.
func (l *Ledger) Leave(ctx context.Context, worker string) error {
	if err := l.rdb.Del(ctx, keys.Worker(worker)).Err(); err != nil {
		return fmt.Errorf("ending the heartbeat of %s: %w", worker, err)
	}
	fleet, err := l.Fleet(ctx)
	if err == nil && len(fleet) == 0 {
		err = l.rdb.Set(ctx, keys.Rested(), l.now().UnixMilli(), 0).Err()
	}
	if err != nil {
		return fmt.Errorf("leaving a mark that %s was the last worker: %w", worker, err)
	}
	return nil
}

// Rested says whether the last worker that there was stopped in order.
func (l *Ledger) Rested(ctx context.Context) (bool, error) {
	n, err := l.rdb.Exists(ctx, keys.Rested()).Result()
	if err != nil {
		return false, fmt.Errorf("looking whether the last worker stopped in order: %w", err)
	}
	return n > 0, nil
}

// Fleet are the workers that live, by when they beat last.
func (l *Ledger) Fleet(ctx context.Context) ([]Heartbeat, error) {
	workers, err := l.rdb.ZRangeWithScores(ctx, keys.Workers(), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	beats := make([]*redis.StringCmd, len(workers))
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, worker := range workers {
			id, _ := worker.Member.(string)
			beats[i] = p.Get(ctx, keys.Worker(id))
		}
		return nil
	})
	if err != nil && !errorsAreNil(beats) {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	var fleet []Heartbeat
	for i, beat := range beats {
		if beat.Val() == "" {
			continue
		}
		id, _ := workers[i].Member.(string)
		h := Heartbeat{Worker: id, Beat: time.UnixMilli(int64(workers[i].Score))}
		if err := json.Unmarshal([]byte(beat.Val()), &h); err != nil {
			return nil, fmt.Errorf("reading the heartbeat of %s: %w", id, err)
		}
		fleet = append(fleet, h)
	}
	return fleet, nil
}

// LastBeat is when any worker beat last; zero if none is known to have.
func (l *Ledger) LastBeat(ctx context.Context) (time.Time, error) {
	last, err := l.rdb.ZRevRangeWithScores(ctx, keys.Workers(), 0, 0).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for workers: %w", err)
	}
	if len(last) == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(int64(last[0].Score)), nil
}

// errorsAreNil says that nothing is wrong but that some keys are not there.
func errorsAreNil(cmds []*redis.StringCmd) bool {
	for _, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return false
		}
	}
	return true
}

// MayWrite says whether records of a revision may be written: every worker that
// lives must know them. From then on no program starts that does not.
func (l *Ledger) MayWrite(ctx context.Context, revision int) (bool, error) {
	if revision <= firstRevision {
		return true, nil
	}
	// Asked again after the others are kept from starting: a worker beats before it
	// looks at what is needed, so that one of the two sees it.
	for again := range 2 {
		fleet, err := l.Fleet(ctx)
		if err != nil {
			return false, err
		}
		for _, h := range fleet {
			if h.Revision < revision {
				return false, nil
			}
		}
		if again == 0 {
			if err := schema.Need(ctx, l.rdb, revision); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}
