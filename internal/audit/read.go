package audit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// ErrCursor says that a place in the stream is none.
var ErrCursor = errors.New("not a place in the audit")

const (
	// readAtOnce is how many entries one look at the stream reads, and maxLooks how
	// many looks one page is: who seeks what is rare goes on from where it ended.
	readAtOnce = 1000
	maxLooks   = 20
)

// A Query is what to read. What is empty is of no matter.
type Query struct {
	Since    time.Time // not before this time of Redis
	Campaign string
	Actor    string            // as it stands in an entry, or its name alone, or a token's id
	Act      string            //
	Sender   func(string) bool // of an entry; nil: of all
	After    string            // a place that a page ended at
}

var place = regexp.MustCompile(`^[0-9]{1,20}-[0-9]{1,20}$`)

// Page reads entries, the newest first, until each says that it has enough. Next is
// the place where it stopped; "" at the end.
func (l *Log) Page(ctx context.Context, q Query, each func(*Entry) bool) (next string, err error) {
	most, least := "+", "-"
	if q.After != "" {
		if !place.MatchString(q.After) {
			return "", ErrCursor
		}
		most = "(" + q.After
	}
	if !q.Since.IsZero() {
		least = strconv.FormatInt(max(q.Since.UnixMilli(), 0), 10)
	}
	for range maxLooks {
		found, err := l.rdb.XRevRangeN(ctx, keys.Audit(), most, least, readAtOnce).Result()
		if err != nil {
			return "", fmt.Errorf("reading the audit: %w", err)
		}
		for _, m := range found {
			next = m.ID
			if e := entry(m); q.wants(e) && !each(e) {
				return next, nil
			}
		}
		if len(found) < readAtOnce {
			return "", nil
		}
		most = "(" + next
	}
	return next, nil
}

func (q *Query) wants(e *Entry) bool {
	_, name, _ := strings.Cut(e.Actor, ":")
	return (q.Campaign == "" || e.Campaign == q.Campaign) &&
		(q.Act == "" || e.Act == q.Act) &&
		(q.Actor == "" || e.Actor == q.Actor || name == q.Actor || e.Token == q.Actor) &&
		(q.Sender == nil || q.Sender(e.Sender))
}

func entry(m redis.XMessage) *Entry {
	text := func(name string) string {
		v, _ := m.Values[name].(string)
		return v
	}
	e := &Entry{
		ID: m.ID, At: timeOf(m.ID), Actor: text("actor"), Token: text("token"), Address: text("address"), Request: text("request"),
		Act: text("act"), Campaign: text("campaign"), Sender: text("sender"), Detail: text("detail"), Outcome: Outcome(text("outcome")),
	}
	if began := text("began"); began != "" {
		e.At = timeOf(began)
	}
	return e
}
