package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// ErrForgotten says that Redis has less of a journal than this process has seen: it
// was restored, or lost what it had acknowledged.
var ErrForgotten = errors.New("a part of the journal is gone from Redis")

// A mark is how far this process has seen a batch come: neither falls while Redis
// forgets nothing.
type mark struct{ epoch, length int }

// A remembered campaign is the batches of it that this process has had in its hands.
type remembered struct {
	marks   map[int]mark
	unasked map[int]bool // those with a mark that Redis was not asked about yet
	less    bool         // an answer had less than its mark
	over    bool         // Forget was called: nobody asks about it any more
}

// A memory is what this process has seen, for Redis to be held against.
type memory struct {
	mu        sync.Mutex
	campaigns map[string]*remembered
}

// of is what is remembered of a campaign, by whom it is noted from now on. A claim
// keeps it: what was there before Forget and ends late is noted where nobody asks.
func (m *memory) of(id string) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.campaigns[id]
	if c == nil {
		c = &remembered{marks: map[int]mark{}, unasked: map[int]bool{}}
		m.campaigns[id] = c
	}
	return c
}

// note notes how far a batch has come. One that comes late says less than is known,
// which means nothing: an older claim may end after a newer one began.
func (m *memory) note(c *remembered, n, epoch, length int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := c.marks[n]
	c.marks[n] = mark{max(was.epoch, epoch), max(was.length, length)}
	c.unasked[n] = true
}

// mark is how far a batch has come, as this process has seen it.
func (m *memory) mark(c *remembered, n int) mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return c.marks[n]
}

// missed notes that an answer had less of a campaign than it must have.
func (m *memory) missed(c *remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.less = true
}

// lacks says that an answer had less of a campaign than it must have.
func (m *memory) lacks(c *remembered) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return c.less && !c.over
}

// Remembered are the campaigns of which this process has had batches: all, or those
// of which it has had one since Redis was asked about them.
func (l *Ledger) Remembered(all bool) []string {
	l.memory.mu.Lock()
	defer l.memory.mu.Unlock()
	var ids []string
	for id, c := range l.memory.campaigns {
		if all || len(c.unasked) > 0 || c.less {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Forget has this process know nothing more of a campaign: its rows may expire, or a
// person has been told what is missing.
func (l *Ledger) Forget(id string) {
	l.memory.mu.Lock()
	defer l.memory.mu.Unlock()
	if c := l.memory.campaigns[id]; c != nil {
		c.over = true
	}
	delete(l.memory.campaigns, id)
}

// asks are the batches to ask Redis about: all, or those that were had since.
func (m *memory) asks(id string, all bool) (ask map[int]mark, less bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.campaigns[id]
	if c == nil {
		return nil, false
	}
	ask = map[int]mark{}
	for n, at := range c.marks {
		if all || c.unasked[n] {
			ask[n] = at
		}
	}
	clear(c.unasked)
	return ask, c.less
}

const (
	// askedAtOnce is how many batches are asked about in one pipeline, and askedWithin
	// how long that may take: of all together there may be a hundred thousand.
	askedAtOnce = 500
	askedWithin = 3 * time.Second
)

// Forgotten says whether Redis has less of a campaign than this process has seen: a
// lower epoch of a batch, or a shorter journal. It asks about all batches that this
// process has had, or about those alone that it has had since it was asked last. It
// holds for campaigns whose rows do not expire.
func (l *Ledger) Forgotten(ctx context.Context, id string, all bool) (bool, error) {
	ask, less := l.memory.asks(id, all)
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ask)), askedAtOnce) {
		if less {
			break
		}
		epochs, lengths := make([]*redis.StringCmd, len(some)), make([]*redis.IntCmd, len(some))
		short, cancel := context.WithTimeout(ctx, askedWithin)
		_, err := l.rdb.Pipelined(short, func(p redis.Pipeliner) error {
			for i, n := range some {
				epochs[i], lengths[i] = p.HGet(short, keys.Claims(id), strconv.Itoa(n)), p.StrLen(short, keys.Journal(id, n))
			}
			return nil
		})
		cancel()
		if err != nil && !errors.Is(err, redis.Nil) {
			l.memory.askAgain(id, ask)
			return false, fmt.Errorf("looking for what Redis has of %s: %w", id, err)
		}
		for i, n := range some {
			epoch, err := epochs[i].Int()
			if err != nil && !errors.Is(err, redis.Nil) {
				return false, fmt.Errorf("looking for what Redis has of %s: %w", id, err)
			}
			less = less || epoch < ask[n].epoch || lengths[i].Val() < int64(ask[n].length)
		}
	}
	return less, nil
}

// askAgain has batches asked about once more, for there was no answer.
func (m *memory) askAgain(id string, ask map[int]mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.campaigns[id]; c != nil {
		for n := range ask {
			c.unasked[n] = true
		}
	}
}
