// Package suppress is the lists of numbers that get no message: none from anybody, or
// no marketing from one sender. A list
// is exact, is asked for a thousand numbers at a time, and takes few bytes a
// number: numbers that lie close together, as those of a country do, share a
// field of a hash. A number stands for the person: whoever is on it under one
// spelling (phone.Identity) is on it under all.
package suppress

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sort"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/phone"
)

// A field holds the numbers that are alike but for their lowest bits, each as
// two bytes, in order. Fewer bits make more fields of less, which are cheaper to
// read; more bits make fewer, which take less memory.
const (
	lowBits = 12
	lowMask = 1<<lowBits - 1
)

// place is where the identity of a number belongs.
func place(n uint64) (field string, low uint16) {
	return strconv.FormatUint(n>>lowBits, 36), uint16(n & lowMask)
}

// A List is a suppression list in one Redis.
type List struct {
	rdb redis.UniversalClient
	key string
	all string // whoever is on this one counts as on the list; "" for no other
}

// New makes the List of those who get no message from anybody, on rdb, which stays
// the caller's to close.
func New(rdb redis.UniversalClient) *List { return &List{rdb: rdb, key: keys.Suppressed()} }

// OptedOut is the List of those who want no marketing from a sender, by the
// provider's word; Contains says so of those too who get nothing from anybody. A
// person's entries are on the other list, and no provider's word takes them off.
func (l *List) OptedOut(sender string) *List {
	return &List{rdb: l.rdb, key: keys.OptedOut(sender), all: keys.Suppressed()}
}

// mergeScript adds or removes numbers of one field.
// KEYS: list. ARGV: add or remove, then field and sorted two-byte numbers in
// pairs. Returns how many numbers changed.
var mergeScript = redis.NewScript(`
local changed = 0
for i = 2, #ARGV, 2 do
	local old = redis.call('HGET', KEYS[1], ARGV[i]) or ''
	local have, all = {}, {}
	for k = 1, #old, 2 do
		local v = string.sub(old, k, k + 1)
		have[v] = true
		all[#all + 1] = v
	end
	local gone = false
	for k = 1, #ARGV[i + 1], 2 do
		local v = string.sub(ARGV[i + 1], k, k + 1)
		if ARGV[1] == 'add' and not have[v] then
			have[v] = true
			all[#all + 1] = v
			changed = changed + 1
		elseif ARGV[1] == 'remove' and have[v] then
			have[v] = nil
			gone = true
			changed = changed + 1
		end
	end
	if gone then
		local kept = {}
		for _, v in ipairs(all) do if have[v] then kept[#kept + 1] = v end end
		all = kept
	end
	if #all == 0 then
		redis.call('HDEL', KEYS[1], ARGV[i])
	else
		table.sort(all, function(x, y) -- by value; the order of strings is the locale's
			local x1, x2 = string.byte(x, 1, 2)
			local y1, y2 = string.byte(y, 1, 2)
			return x1 < y1 or x1 == y1 and x2 < y2
		end)
		redis.call('HSET', KEYS[1], ARGV[i], table.concat(all))
	end
end
return changed`)

// Add adds numbers in E.164 digits, and returns how many were new.
func (l *List) Add(ctx context.Context, phones []string) (int, error) {
	return l.change(ctx, "add", phones)
}

// Remove removes numbers, and returns how many there were.
func (l *List) Remove(ctx context.Context, phones []string) (int, error) {
	return l.change(ctx, "remove", phones)
}

func (l *List) change(ctx context.Context, what string, phones []string) (int, error) {
	fields := map[string][]byte{}
	for _, p := range phones {
		n := phone.Identity(p)
		if n == 0 {
			return 0, errors.New("changing the suppression list: a number is not in E.164 digits")
		}
		field, low := place(n)
		fields[field] = binary.BigEndian.AppendUint16(fields[field], low)
	}
	// The version is 0 no more before anybody is on the list: cut short behind that,
	// whoever begins a batch asks all the same.
	if err := l.rdb.SetNX(ctx, keys.SuppressedVersion(), 1, 0).Err(); err != nil {
		return 0, fmt.Errorf("changing the suppression list: %w", err)
	}
	changed := 0
	for some := range chunked(fields) {
		n, err := mergeScript.Run(ctx, l.rdb, []string{l.key}, append([]any{what}, some...)...).Int()
		if err != nil {
			return changed, fmt.Errorf("changing the suppression list: %w", err)
		}
		changed += n
	}
	if err := l.rdb.Incr(ctx, keys.SuppressedVersion()).Err(); err != nil {
		return changed, fmt.Errorf("changing the suppression list: %w", err)
	}
	return changed, nil
}

// Contains says of each number whether it is suppressed.
func (l *List) Contains(ctx context.Context, phones []string) ([]bool, error) {
	if len(phones) == 0 {
		return nil, nil
	}
	var fields []string
	at := map[string]int{}
	places, lows := make([]int, len(phones)), make([]uint16, len(phones))
	for i, p := range phones {
		n := phone.Identity(p)
		if n == 0 {
			return nil, errors.New("asking the suppression list: a number is not in E.164 digits")
		}
		field, low := place(n)
		k, ok := at[field]
		if !ok {
			k = len(fields)
			at[field], fields = k, append(fields, field)
		}
		places[i], lows[i] = k, low
	}
	found := make([]bool, len(phones))
	for _, key := range []string{l.key, l.all} {
		if key == "" {
			continue
		}
		values, err := l.rdb.HMGet(ctx, key, fields...).Result()
		if err != nil {
			return nil, fmt.Errorf("asking the suppression list: %w", err)
		}
		for i := range phones {
			text, _ := values[places[i]].(string)
			found[i] = found[i] || has(text, lows[i])
		}
	}
	return found, nil
}

// chunked gives fields and their numbers as arguments, some hundreds at a time.
func chunked(fields map[string][]byte) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		var args []any
		for field, lows := range fields {
			if args = append(args, field, lows); len(args) >= 1000 {
				if !yield(args) {
					return
				}
				args = nil
			}
		}
		if len(args) > 0 {
			yield(args)
		}
	}
}

// has looks a number up in a field.
func has(field string, low uint16) bool {
	i := sort.Search(len(field)/2, func(i int) bool { return at16(field, i) >= low })
	return i < len(field)/2 && at16(field, i) == low
}

func at16(field string, i int) uint16 { return uint16(field[2*i])<<8 | uint16(field[2*i+1]) }

// Version changes whenever the list does, once the change is whole; 0 is an empty list.
func (l *List) Version(ctx context.Context) (int64, error) {
	v, err := l.rdb.Get(ctx, keys.SuppressedVersion()).Int64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("asking the suppression list: %w", err)
	}
	return v, nil
}

// Each calls fn for everybody on the list, by the identity of their number, in no
// order.
func (l *List) Each(ctx context.Context, fn func(identity string) error) error {
	it := l.rdb.HScan(ctx, l.key, 0, "", 1000).Iterator()
	for it.Next(ctx) {
		high, err := strconv.ParseUint(it.Val(), 36, 64)
		if err != nil || !it.Next(ctx) {
			return errors.New("reading the suppression list: a field is no number")
		}
		for field := it.Val(); len(field) >= 2; field = field[2:] {
			if err := fn(strconv.FormatUint(high<<lowBits|uint64(at16(field, 0)), 10)); err != nil {
				return err
			}
		}
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("reading the suppression list: %w", err)
	}
	return nil
}
