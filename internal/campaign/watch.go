package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// What no move tells is watched: somebody looks at a campaign now and then, and notices
// that more is done, that somebody is in doubt, that no receipt comes any more. What is
// noticed is told by the script that notes it, once, whoever looks.

// watchedEvents are what is noticed.
var watchedEvents = []Event{EventProgress, EventInDoubt, EventReceiptsSettled}

// markOf is the field with what was noticed last.
func markOf(e Event) string { return "mark_" + string(e) }

// Tells says whether somebody is to be told of an event.
func (r *Record) Tells(e Event) bool { return strings.Contains(r.Listed, ","+string(e)+",") }

// watched says whether anything of a campaign is to be noticed.
func (r *Record) watched() bool { return slices.ContainsFunc(watchedEvents, r.Tells) }

// watch has a campaign looked at from now on, also where somebody was about to leave it.
func (s *Store) watch(ctx context.Context, id string) error {
	if err := s.rdb.ZAdd(ctx, keys.Watched(), redis.Z{Score: float64(s.now().UnixMilli()), Member: id}).Err(); err != nil {
		return fmt.Errorf("watching %s: %w", id, err)
	}
	return nil
}

// watchedScript takes the campaigns whose time to be looked at has come.
// KEYS: watched. ARGV: now, until when they are the caller's, how many at most.
var watchedScript = redis.NewScript(`
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
return ids`)

// Watched takes some campaigns that are to be looked at now. For as long as the lease
// they are the caller's, who says when to look again.
func (s *Store) Watched(ctx context.Context, most int, lease time.Duration) (ids []string, until time.Time, err error) {
	now := s.now()
	until = time.UnixMilli(now.Add(lease).UnixMilli())
	ids, err = watchedScript.Run(ctx, s.rdb, []string{keys.Watched()}, now.UnixMilli(), until.UnixMilli(), most).StringSlice()
	if err != nil {
		return nil, until, fmt.Errorf("looking for campaigns to watch: %w", err)
	}
	return ids, until, nil
}

// watchAgainScript says when a campaign is to be looked at again, unless somebody has
// said so since it was taken. KEYS: watched. ARGV: id, until when it was taken, when;
// 0: never.
var watchAgainScript = redis.NewScript(`
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0') ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '0' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1`)

// WatchAgain says when a campaign that Watched has given, until then, is to be looked at
// again; the zero time: never.
func (s *Store) WatchAgain(ctx context.Context, id string, until, at time.Time) error {
	ms := int64(0)
	if !at.IsZero() {
		ms = at.UnixMilli()
	}
	if err := watchAgainScript.Run(ctx, s.rdb, []string{keys.Watched()}, id, until.UnixMilli(), ms).Err(); err != nil {
		return fmt.Errorf("watching %s: %w", id, err)
	}
	return nil
}

// noticeScript notes how far something is, and tells of it where it is farther than
// before. KEYS: campaign, outbox, due. ARGV: event, its field, how far, the time, more to
// tell.
var noticeScript = redis.NewScript(happened + `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local before = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
if tonumber(ARGV[3]) <= before then return 0 end
happened(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[4], ARGV[5])
return 1`)

// Notice notes how far an event is that is watched, and has it told where that is farther
// than what was noticed before. More is told beside it.
func (s *Store) Notice(ctx context.Context, rec *Record, e Event, far int64, more string) error {
	if far == rec.Marks[e] {
		return nil
	}
	if more != "" {
		more = " " + more
	}
	// Before the script, as with the moves: what is to be told is found.
	if err := s.rdb.SAdd(ctx, keys.Outboxes(), rec.ID).Err(); err != nil {
		return fmt.Errorf("indexing the events of %s: %w", rec.ID, err)
	}
	touched := []string{keys.Campaign(rec.ID), keys.Outbox(rec.ID), keys.Due(rec.ID)}
	if err := noticeScript.Run(ctx, s.rdb, touched, string(e), markOf(e), far, s.now().UnixMilli(), more).Err(); err != nil {
		return fmt.Errorf("noticing %s of %s: %w", e, rec.ID, err)
	}
	return nil
}
