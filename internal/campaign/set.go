package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// setScript changes a campaign's settings unless it is over, it has begun and
// its start is to change, or somebody else has set them meanwhile.
// KEYS: campaign. ARGV: 1 the settings as they were read, 2 whether the start
// changes, 3 and 4 the states that are over, then fields and values to set.
// Returns the state with "!" in front if it was refused for it, "?" if it has
// begun, "~" if others were quicker.
var setScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return '' end
if state == ARGV[3] or state == ARGV[4] then return '!' .. state end
if ARGV[2] == '1' and redis.call('HEXISTS', KEYS[1], 'started_at') == 1 then return '?' .. state end
if (redis.call('HGET', KEYS[1], 'set') or '') ~= ARGV[1] then return '~' .. state end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
` + tell() + `
return state`)

// errRace means that the settings were set by somebody else in between.
var errRace = errors.New("it was set by somebody else at the same moment")

// ErrBegun says that a campaign's start is over.
var ErrBegun = errors.New("it has begun; pause it to have it wait")

// Set changes a campaign's settings, for all workers within a second, and returns
// what they were and are. Change gets them as they are; it may be asked more than
// once, and its error is Set's. A campaign that is over has none to change:
// ErrNotAllowed.
func (s *Store) Set(ctx context.Context, id string, change func(*Settings) error) (before, after Settings, err error) {
	for range 10 {
		before, after, err = s.set(ctx, id, change)
		if !errors.Is(err, errRace) {
			return before, after, err
		}
	}
	return before, after, err
}

func (s *Store) set(ctx context.Context, id string, change func(*Settings) error) (before, after Settings, err error) {
	rec, err := s.Get(ctx, id)
	if err != nil {
		return before, after, err
	}
	file, err := rec.File()
	if err != nil {
		return before, after, err
	}
	before, after = file.Settings(), file.Settings()
	if err := change(&after); err != nil {
		return before, after, err
	}
	if err := after.Check(); err != nil {
		return before, after, err
	}
	moves := 0
	if !after.StartAt.Equal(before.StartAt) {
		moves = 1
	}
	state, err := setScript.Run(ctx, s.rdb, []string{keys.Campaign(id)},
		rec.Set, moves, string(Finished), string(Cancelled),
		fieldSet, after.encode(), fieldWindow, after.Window.text(), fieldStartAt, startMillis(after.StartAt)).Text()
	switch {
	case err != nil:
		return before, after, fmt.Errorf("setting %s: %w", id, err)
	case state == "":
		return before, after, fmt.Errorf("%s: %w", id, ErrNotFound)
	case state[0] == '!':
		return before, after, fmt.Errorf("cannot set %s: it is %s: %w", id, state[1:], ErrNotAllowed)
	case state[0] == '?':
		return before, after, fmt.Errorf("cannot set start_at of %s: %w: %w", id, ErrBegun, ErrNotAllowed)
	case state[0] == '~':
		return before, after, fmt.Errorf("setting %s: %w", id, errRace)
	}
	return before, after, nil
}

// startMillis is a start as a record holds it; 0 is at once.
func startMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
