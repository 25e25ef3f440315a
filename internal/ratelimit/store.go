package ratelimit

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

var (
	//go:embed beat.lua
	beatLua string
	//go:embed commit.lua
	commitLua    string
	beatScript   = redis.NewScript(beatLua)
	commitScript = redis.NewScript(commitLua)
)

// keysOf are a sender's, as both scripts take them.
func keysOf(name string) []string {
	return []string{keys.SenderPace(name), keys.SenderWorkers(name), keys.SenderPlan(name), keys.SenderDay(name)}
}

// A head is what every worker learns of a sender with each beat.
type head struct {
	settings
	throttling
	DayUntil int64 `json:"day_until"` // the day is used up until then; 0: it is not
	Seen     int64 `json:"seen"`      // when the last plan was made
	// Told is the limit of 24 hours that the provider has told of; 0: none.
	Told int `json:"told,omitempty"`
}

// dayLimit is how many messages there are in 24 hours; 0: any number.
func (h *head) dayLimit() int {
	if h.Day == 0 || h.Told > 0 && h.Told < h.Day {
		return h.Told
	}
	return h.Day
}

// A report is what a worker tells Redis.
type report struct {
	worker  string
	flight  int // submissions that it may have in flight; -1: it has no work
	demands []Demand
	reach   int64 // how far the plan must reach, in us from now
	fresh   bool  // the demands are new
	force   bool  // the plan is needed in any case
}

// An answer is what a worker learns. Times are Redis' clock, in us.
type answer struct {
	now   int64
	slots []planned // its own, to be used once
	head  head
	none  bool  // there is no head yet
	next  int64 // when the next submission may go out, of anybody
	reach int64 // until when all that was wanted has its slots
	won   bool  // of a commit: the plan is in force
	// Of a beat:
	version string
	workers map[string]presence
	plan    map[string]string // nil where the plan reaches far enough
	day     usage
}

// A presence is what a worker last said of itself.
type presence struct {
	at     int64
	flight int
}

// A change is what a planner wants in force.
type change struct {
	version  string // that it was planned on
	worker   string
	head     head
	schedule *Schedule
	slots    map[string][]Slot // by worker
	bucket   int64
	count    int     // messages of the day
	past     []int64 // buckets of the day that nobody needs any more
}

// A store is where all workers of one sender meet.
type store interface {
	beat(ctx context.Context, r report) (*answer, error)
	commit(ctx context.Context, c change) (*answer, error)
	refund(ctx context.Context, bucket int64, n int) error
	forget(ctx context.Context, workers ...string) error
}

// A redisStore is a sender's store in Redis.
type redisStore struct {
	rdb  redis.UniversalClient
	name string
}

func (s redisStore) beat(ctx context.Context, r report) (*answer, error) {
	flight, demands := "", ""
	if r.flight >= 0 {
		flight = strconv.Itoa(r.flight)
	}
	if len(r.demands) > 0 {
		demands = string(encodeDemands(r.demands))
	}
	got, err := beatScript.Run(ctx, s.rdb, keysOf(s.name), r.worker, flight, demands, r.reach, flag(r.fresh), flag(r.force)).Slice()
	if err != nil {
		return nil, fmt.Errorf("asking for slots of %s: %w", s.name, err)
	}
	a, err := s.answer(r.worker, got)
	if err != nil {
		return nil, err
	}
	a.version = text(got, 5)
	a.workers = map[string]presence{}
	for name, said := range pairs(got, 6) {
		at, flight, _ := strings.Cut(said, " ")
		var t presence
		if t.at, err = strconv.ParseInt(at, 10, 64); err == nil {
			t.flight, err = strconv.Atoi(flight)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the workers of %s: %w", s.name, err)
		}
		a.workers[name] = t
	}
	if len(got) > 7 {
		a.plan, a.day = pairs(got, 7), readUsage(pairs(got, 8))
	}
	return a, nil
}

func (s redisStore) commit(ctx context.Context, c change) (*answer, error) {
	top, err := json.Marshal(c.head)
	if err != nil {
		return nil, fmt.Errorf("planning for %s: %w", s.name, err)
	}
	args := []any{c.version, c.worker, top, c.schedule.Next, c.schedule.Reach, c.schedule.encode(c.head.Seen), c.bucket, c.count, len(c.past)}
	for _, b := range c.past {
		args = append(args, b)
	}
	for _, worker := range sorted(c.slots) {
		args = append(args, worker, encodeSlots(c.slots[worker], c.bucket))
	}
	got, err := commitScript.Run(ctx, s.rdb, keysOf(s.name), args...).Slice()
	if err != nil {
		return nil, fmt.Errorf("planning for %s: %w", s.name, err)
	}
	a, err := s.answer(c.worker, got)
	if err == nil {
		a.won = len(got) > 5 && got[5] == int64(1)
	}
	return a, err
}

// answer reads what both scripts begin their answers with.
func (s redisStore) answer(worker string, got []any) (*answer, error) {
	var a answer
	var err error
	if a.now, err = strconv.ParseInt(text(got, 0), 10, 64); err == nil {
		a.slots, err = decodeSlots(worker, text(got, 1))
	}
	if err == nil {
		a.head, a.none, err = readHead(text(got, 2))
	}
	if err == nil {
		a.next, err = strconv.ParseInt(text(got, 3), 10, 64)
	}
	if err == nil {
		a.reach, err = strconv.ParseInt(text(got, 4), 10, 64)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the pace of %s: %w", s.name, err)
	}
	return &a, nil
}

// refund returns messages to a bucket of the day, or perhaps does where it fails: one
// whose answer was lost is not made again, or they would be returned twice.
func (s redisStore) refund(ctx context.Context, bucket int64, n int) error {
	return s.rdb.Process(ctx, once{redis.NewIntCmd(ctx, "HINCRBY", keys.SenderDay(s.name), bucket, -n)})
}

// A once is a command that the client does not repeat after an error.
type once struct{ *redis.IntCmd }

// NoRetry says so.
func (once) NoRetry() bool { return true }

// forget removes workers that are gone.
func (s redisStore) forget(ctx context.Context, workers ...string) error {
	var fields []string
	for _, w := range workers {
		fields = append(fields, "d:"+w, "h:"+w, "p:"+w)
	}
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HDel(ctx, keys.SenderWorkers(s.name), workers...)
		p.HDel(ctx, keys.SenderPlan(s.name), fields...)
		return nil
	})
	return err
}

// readHead reads the head, or makes that of a sender that has none yet.
func readHead(text string) (h head, none bool, err error) {
	h.Factor = 1
	if text == "" {
		return h, true, nil
	}
	return h, false, json.Unmarshal([]byte(text), &h)
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// text is the i-th of an answer's parts.
func text(got []any, i int) string {
	if i >= len(got) {
		return ""
	}
	s, _ := got[i].(string)
	return s
}

// pairs is the i-th of an answer's parts, a hash.
func pairs(got []any, i int) map[string]string {
	m := map[string]string{}
	if i >= len(got) {
		return m
	}
	all, _ := got[i].([]any)
	for k := 0; k+1 < len(all); k += 2 {
		m[text(all, k)] = text(all, k+1)
	}
	return m
}
