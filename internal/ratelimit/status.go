package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// A State is a sender's pace as Redis knows it.
type State struct {
	Limit  float64   // messages a second; 0: none
	Factor float64   // what throttling has left of it
	Until  time.Time // when the sender goes on, where its 24 hours are used up
	// Paused is until when the provider wants nothing; zero if it does now.
	Paused time.Time
	// Told is the limit of 24 hours that the provider has told of; 0: none.
	Told int
}

// ReadState reads the pace of a sender; one that never sent has no limit yet.
func ReadState(ctx context.Context, rdb redis.UniversalClient, name string) (State, error) {
	a, err := redisStore{rdb, name}.beat(ctx, report{})
	if err != nil {
		return State{}, fmt.Errorf("reading the pace of %s: %w", name, err)
	}
	st := State{Limit: a.head.Messages, Factor: a.head.now(a.now), Told: a.head.Told}
	if a.head.DayUntil > a.now {
		st.Until = time.UnixMicro(a.head.DayUntil)
	}
	if a.head.Pause > a.now {
		st.Paused = time.UnixMicro(a.head.Pause)
	}
	return st, nil
}

// ClearPause ends the pause that a provider asked for: all workers go on within a
// second or two. It says whether there was one.
func ClearPause(ctx context.Context, rdb redis.UniversalClient, name string) (was bool, err error) {
	err = update(ctx, redisStore{rdb, name}, func(a *answer) bool {
		was = a.head.Pause > a.now
		a.head.Pause = 0
		return was
	})
	if err != nil {
		return false, fmt.Errorf("ending the pause of %s: %w", name, err)
	}
	return was, nil
}

// Slow halves the pace of a sender that has a limit, once a second at most, for all
// workers: a provider has said later that it came too fast. Who calls it need not be
// one of them.
func Slow(ctx context.Context, rdb redis.UniversalClient, name string) error {
	err := update(ctx, redisStore{rdb, name}, func(a *answer) bool {
		return a.head.Messages+a.head.Requests > 0 && a.head.halve(a.now, 0, 0)
	})
	if err != nil {
		return fmt.Errorf("slowing %s down: %w", name, err)
	}
	return nil
}

// TellDay has a sender send no more than so many messages in 24 hours, nor more than its
// own limit: a provider has told of it. 0 takes that back.
func TellDay(ctx context.Context, rdb redis.UniversalClient, name string, limit int) error {
	err := update(ctx, redisStore{rdb, name}, func(a *answer) bool {
		was := a.head.Told
		a.head.Told = limit
		return was != limit
	})
	if err != nil {
		return fmt.Errorf("bounding the day of %s: %w", name, err)
	}
	return nil
}

// attempts is how often an update is tried that others are in the way of.
const attempts = 20

// update changes the head of a sender while nobody else does. Change says whether
// there is anything to change.
func update(ctx context.Context, st store, changes func(a *answer) bool) error {
	for range attempts {
		a, err := st.beat(ctx, report{force: true})
		if err != nil {
			return err
		}
		s, err := decodeSchedule(a.plan["schedule"])
		if err != nil {
			s = newSchedule()
		}
		if !changes(a) {
			return nil
		}
		s.Reach, s.Next = a.now, s.Last // whoever asks next plans anew
		a.head.Seen = max(a.head.Seen, a.now)
		done, err := st.commit(ctx, change{version: a.version, head: a.head, schedule: s})
		if err != nil || done.won {
			return err
		}
	}
	return errors.New("others were in the way again and again")
}
