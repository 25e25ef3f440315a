package campaign

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// ErrCursor says that a place in the list of campaigns is none.
var ErrCursor = errors.New("not a place in the list of campaigns")

// How many records one look at the list reads: the first as many as a page has at
// most, those behind it more, for they are looked for.
const (
	pageAtOnce = 200
	moreAtOnce = 1000
)

// Page reads records, the newest first, from behind a place on, "" being the
// beginning, until each says that it has enough. Next is the place where it stopped;
// "" at the end.
func (s *Store) Page(ctx context.Context, after string, each func(*Record) bool) (next string, err error) {
	most, behind := "+inf", ""
	if after != "" {
		var ok bool
		if most, behind, ok = strings.Cut(after, " "); !ok {
			return "", ErrCursor
		}
		if _, err := strconv.ParseInt(most, 10, 64); err != nil {
			return "", ErrCursor
		}
	}
	count := int64(pageAtOnce)
	var skip int64 // of those with the score in most that were looked at
	for {
		found, err := s.rdb.ZRevRangeByScoreWithScores(ctx, keys.Campaigns(), &redis.ZRangeBy{Min: "-inf", Max: most, Offset: skip, Count: count}).Result()
		if err != nil {
			return "", fmt.Errorf("listing the campaigns: %w", err)
		}
		ids := make([]string, len(found))
		places := make([]string, len(found))
		for i, z := range found {
			ids[i], _ = z.Member.(string)
			score := strconv.FormatFloat(z.Score, 'f', 0, 64)
			places[i] = score + " " + ids[i]
			if score == most {
				skip++
			} else {
				most, skip = score, 1
			}
		}
		records, err := s.Many(ctx, ids)
		if err != nil {
			return "", err
		}
		for i, r := range records {
			if score, _, _ := strings.Cut(places[i], " "); behind != "" && strings.HasPrefix(after, score+" ") && ids[i] >= behind {
				continue // equal times are in descending order of ids
			}
			if r != nil && !each(r) {
				return places[i], nil
			}
		}
		if int64(len(found)) < count {
			return "", nil
		}
		count = moreAtOnce
	}
}

// Many reads records at once; nil where there is none.
func (s *Store) Many(ctx context.Context, ids []string) ([]*Record, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	reads := make([]*redis.MapStringStringCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			reads[i] = p.HGetAll(ctx, keys.Campaign(id))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading campaigns: %w", err)
	}
	records := make([]*Record, len(ids))
	for i, id := range ids {
		if fields := reads[i].Val(); len(fields) > 0 {
			if records[i], err = parseRecord(id, fields); err != nil {
				return nil, err
			}
		}
	}
	return records, nil
}
