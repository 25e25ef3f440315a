// Package parts keeps a list that comes over HTTP in pieces, packed in Redis, until
// its campaign is imported. A part that was answered with success is there whole,
// or was replaced by whoever composes the campaign; the parts of a frozen list,
// read in order, are the text of one list: the same bytes as the file that they
// were cut from.
package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// The media types of a part.
const (
	CSV    = "text/csv"
	NDJSON = "application/x-ndjson"
)

// Bounds.
const (
	// Most is the highest number of a part.
	Most = 10_000
	// MaxBytes is the most that a part holds, unpacked.
	MaxBytes = 4 << 30
	// MaxRows is the most that a list holds.
	MaxRows = 50_000_000

	chunkSize  = 1 << 20
	uploadLast = 24 * time.Hour      // of a part that is coming
	partLasts  = 30 * 24 * time.Hour // of one that has come
)

// What a caller branches on.
var (
	ErrNotDraft = errors.New("it is not a draft any more")
	ErrDiffers  = errors.New("there are other bytes in this part")
	ErrFull     = errors.New("there is no room for it in Redis: 80 % of its memory is in use")
	ErrNotFound = errors.New("there is no such part")
)

// An InvalidError is what is wrong with a part's text or a list's parts. It shows
// nothing of a row.
type InvalidError struct {
	Part, Line int // 0: of no one part or line
	Text       string
}

// Error names part and line.
func (e *InvalidError) Error() string {
	where := ""
	if e.Part > 0 {
		where = fmt.Sprintf("part %d", e.Part)
	}
	if e.Line > 0 {
		where += fmt.Sprintf(", line %d", e.Line)
	}
	if where == "" {
		return e.Text
	}
	return where + ": " + e.Text
}

// A Part is what is known of one piece of a list.
type Part struct {
	N       int       `json:"n"`
	Media   string    `json:"media_type"`
	Bytes   int64     `json:"bytes"` // unpacked
	Rows    int       `json:"rows"`
	Columns []string  `json:"columns"`
	SHA256  string    `json:"sha256"` // of the unpacked bytes
	At      time.Time `json:"received_at"`
	// The rest is for reading it.
	Chunks int    `json:"chunks"`
	Lines  int    `json:"lines"`            // of its text, the header's too
	Header int    `json:"header,omitempty"` // bytes of the text up to its first row
	Heads  int    `json:"heads,omitempty"`  // lines of that
	Head   string `json:"head,omitempty"`   // the header, to be compared
	Open   bool   `json:"open,omitempty"`   // its last line has no end
}

// A Store keeps parts. It is safe for use by many goroutines.
type Store struct {
	rdb redis.UniversalClient
	now func() time.Time
}

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient, now func() time.Time) *Store {
	return &Store{rdb: rdb, now: now}
}

// List are the parts that are there, in order.
func (s *Store) List(ctx context.Context, id string) ([]Part, error) {
	fields, err := s.rdb.HGetAll(ctx, keys.Parts(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the parts of %s: %w", id, err)
	}
	all := make([]Part, 0, len(fields))
	for _, text := range fields {
		var p Part
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return nil, fmt.Errorf("reading the parts of %s: %w", id, err)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Part) int { return a.N - b.N })
	return all, nil
}

// commitScript ends an upload: it becomes the part of its number.
//
//	KEYS  campaign, parts, upload, part
//	ARGV  n, what is kept of it, its digest, 1 to replace another, how long a draft
//	      and a part last in ms
//	returns 1 if it was kept, 2 if the same was there, -1 if another was there, -2
//	        if the campaign is no draft
var commitScript = redis.NewScript(`
local function refuse(why) redis.call('UNLINK', KEYS[3]) return why end
if redis.call('HGET', KEYS[1], 'state') ~= 'draft' then return refuse(-2) end
local there = redis.call('HGET', KEYS[2], ARGV[1])
if there and redis.call('EXISTS', KEYS[4]) == 1 then
	if cjson.decode(there).sha256 == ARGV[3] then return refuse(2) end
	if ARGV[4] ~= '1' then return refuse(-1) end
end
redis.call('RENAME', KEYS[3], KEYS[4])
redis.call('PEXPIRE', KEYS[4], ARGV[6])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'parts_revision', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1`)

// deleteScript deletes a part of a draft. KEYS: campaign, parts, part. ARGV: n.
// Returns 1, 0 if there was none, or -2 if the campaign is no draft.
var deleteScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'state') ~= 'draft' then return -2 end
redis.call('UNLINK', KEYS[3])
local gone = redis.call('HDEL', KEYS[2], ARGV[1])
if gone == 1 then redis.call('HINCRBY', KEYS[1], 'parts_revision', 1) end
return gone`)

// Delete deletes a part of a draft; false: there was none.
func (s *Store) Delete(ctx context.Context, id string, n int) (bool, error) {
	gone, err := deleteScript.Run(ctx, s.rdb, []string{keys.Campaign(id), keys.Parts(id), keys.Part(id, n)}, n).Int()
	if err == nil && gone == -2 {
		err = ErrNotDraft
	}
	if err != nil {
		return false, fmt.Errorf("deleting part %d of %s: %w", n, id, err)
	}
	return gone == 1, nil
}

// DeleteAll deletes the parts of a list that nobody needs any more.
func (s *Store) DeleteAll(ctx context.Context, id string, all []Part) error {
	for some := range slices.Chunk(all, 100) {
		names := make([]string, len(some))
		for i, p := range some {
			names[i] = keys.Part(id, p.N)
		}
		if err := s.rdb.Unlink(ctx, names...).Err(); err != nil {
			return fmt.Errorf("deleting the parts of %s: %w", id, err)
		}
	}
	if err := s.rdb.Unlink(ctx, keys.Parts(id)).Err(); err != nil {
		return fmt.Errorf("deleting the parts of %s: %w", id, err)
	}
	return nil
}

// room refuses what Redis has no room for. A Redis that may not be asked, or has no
// bound, has room.
func (s *Store) room(ctx context.Context) error {
	text, err := s.rdb.Info(ctx, "memory").Result()
	if err != nil {
		return nil //nolint:nilerr // whoever may not ask finds out by writing
	}
	used, most := field(text, "used_memory"), field(text, "maxmemory")
	if most > 0 && used > most/10*8 {
		return ErrFull
	}
	return nil
}

// Manifest is a list's parts as they are frozen. They are 1, 2, 3 and so on, of one
// media type, and lists in CSV have the same header each.
func Manifest(all []Part) ([]byte, error) {
	if err := check(all); err != nil {
		return nil, err
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return text, nil
}

// ParseManifest reads what Manifest made; nothing of nothing.
func ParseManifest(text []byte) ([]Part, error) {
	var all []Part
	if len(text) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("reading the parts of a list: %w", err)
	}
	return all, nil
}

func check(all []Part) error {
	if len(all) == 0 {
		return &InvalidError{Text: "there is no part yet: the list is needed"}
	}
	rows := 0
	for i, p := range all {
		rows += p.Rows
		switch {
		case p.N != i+1:
			return &InvalidError{Part: i + 1, Text: "it is missing; parts are numbered from 1 without a gap"}
		case p.Media != all[0].Media:
			return &InvalidError{Part: p.N, Text: "it is " + p.Media + ", and part 1 is " + all[0].Media + "; the parts of one list are of one media type"}
		case p.Head != all[0].Head:
			return &InvalidError{Part: p.N, Line: 1, Text: "its header is not that of part 1"}
		}
	}
	if rows > MaxRows {
		return &InvalidError{Text: "the list has " + strconv.Itoa(rows) + " rows, and at most " + strconv.Itoa(MaxRows) + " are taken"}
	}
	return nil
}

// At is the part and its line where a line of the whole list stands.
func At(all []Part, line int) (part, of int) {
	if len(all) == 0 {
		return 0, line
	}
	for i, p := range all {
		heads := 0
		switch {
		case p.Media == NDJSON && i == 0:
			line-- // the header, which is not in the part
		case p.Media == CSV && i > 0:
			heads = p.Heads
		}
		if line <= p.Lines-heads || i == len(all)-1 {
			return p.N, line + heads
		}
		line -= p.Lines - heads
	}
	return 0, line
}
