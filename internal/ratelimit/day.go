package ratelimit

import (
	"math"
	"slices"
	"strconv"
)

const (
	day = 86_400 * second
	// bucket is the time whose messages the count of 24 hours adds up as one. It
	// counts until its last message is 24 hours old.
	bucket = 600 * second
	// keptFor is how long a bucket stays in Redis once it does not count any more: for
	// a clock that is set back by less, it counts again.
	keptFor = day
	// pastAtOnce is how many of them one plan drops, for a script takes no more.
	pastAtOnce = 1000
)

func bucketOf(at int64) int64 { return at / bucket }

// An usage is the messages of the last 24 hours by bucket.
type usage map[int64]int

// readUsage reads Redis' hash of buckets.
func readUsage(fields map[string]string) usage {
	u := usage{}
	for name, text := range fields {
		b, err := strconv.ParseInt(name, 10, 64)
		n, err2 := strconv.Atoi(text)
		if err == nil && err2 == nil {
			u[b] = n
		}
	}
	return u
}

// left is how many messages of a limit there are at a time, and where there are
// none, when there are again.
func (u usage) left(limit int, at int64) (n int, until int64) {
	if limit == 0 {
		return math.MaxInt, 0
	}
	var buckets []int64
	for b, used := range u {
		if !u.over(b, at) {
			limit -= used
			buckets = append(buckets, b)
		}
	}
	if limit > 0 {
		return limit, 0
	}
	slices.Sort(buckets)
	until = at
	for _, b := range buckets {
		limit += u[b]
		if until = (b+1)*bucket + day; limit > 0 {
			break
		}
	}
	return 0, until
}

// past are buckets that nobody needs any more, the oldest first.
func (u usage) past(at int64) []int64 {
	var past []int64
	for b := range u {
		if u.over(b, at-keptFor) {
			past = append(past, b)
		}
	}
	slices.Sort(past)
	return past[:min(len(past), pastAtOnce)]
}

// over says that a bucket's messages are all more than 24 hours old.
func (u usage) over(b, at int64) bool { return (b+1)*bucket <= at-day }
