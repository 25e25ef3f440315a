package receipt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/spool"
)

// markEvery is how often the mark follows what is applied, which so lies between
// one and two of it behind. A Redis that is killed has lost up to two seconds of
// what it had acknowledged: with appendfsync everysec it sets writes aside while it
// syncs.
const markEvery = 3 * time.Second

// stampBytes is how much of a log's end is compared.
const stampBytes = 16

// A stamp is what a batch's receipts look like in Redis: a log of at least this
// length with these bytes before it, or another one that says the same, and the
// counts, "" for any.
type stamp struct {
	length int
	end    string
	counts string
	said   []entry
}

// with is the stamp of a page that is written, of which entries were said beside those
// before.
func (s stamp) with(p *page, counts string, entries []entry) stamp {
	return stamp{p.logBytes, p.logEnd, counts, append(s.said, entries...)}
}

// A mark is how far a spool is applied for good. It follows at a distance, and only
// after what was written is still there.
type mark struct {
	book  *book
	spool *spool.Spool
	at    spool.Position // of what is applied
	moved time.Time
	// held is where the mark goes next, and rest what must be there for it.
	held spool.Position
	rest map[place]stamp
}

func newMark(b *book, s *spool.Spool, now time.Time) *mark {
	return &mark{book: b, spool: s, at: s.Applied(), moved: now, held: s.Applied()}
}

// follow moves the mark, if it is time; where Redis has lost writes, at goes back
// to it. After an error it is tried again.
func (m *mark) follow(ctx context.Context, now time.Time) error {
	if now.Sub(m.moved) < markEvery {
		return nil
	}
	m.moved = now
	kept, err := m.book.kept(ctx, m.rest)
	if err != nil {
		return err
	}
	if !kept {
		m.at, m.held, m.rest = m.spool.Applied(), m.spool.Applied(), nil
		clear(m.book.written)
		m.book.pages.clear() // what they know may be of what is lost
		return errLost
	}
	if m.held != m.spool.Applied() {
		if err := m.spool.Apply(m.held); err != nil {
			return err
		}
	}
	m.held, m.rest, m.book.written = m.at, m.book.written, map[place]stamp{}
	return nil
}

var errLost = errors.New("redis has lost receipts that it had acknowledged; they are applied again")

// stampsAtOnce is how many stamps are compared in one pipeline.
const stampsAtOnce = 500

// kept says whether Redis still has what was written. Counts that are others are
// no loss: they are made again.
func (b *book) kept(ctx context.Context, written map[place]stamp) (bool, error) {
	some := map[place]stamp{}
	all := true
	compare := func() error {
		ok, err := b.compare(ctx, some)
		all = all && ok
		clear(some)
		return err
	}
	for at, s := range written {
		if some[at] = s; len(some) == stampsAtOnce {
			if err := compare(); err != nil {
				return false, err
			}
		}
	}
	return all, compare()
}

func (b *book) compare(ctx context.Context, some map[place]stamp) (bool, error) {
	if len(some) == 0 {
		return true, nil
	}
	ends, counts := map[place]*redis.StringCmd{}, map[place]*redis.StringCmd{}
	_, err := b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for at, s := range some {
			ends[at] = p.GetRange(ctx, keys.Receipts(at.campaign, at.n), int64(s.length-len(s.end)), int64(s.length-1))
			if s.counts != "" {
				counts[at] = p.HGet(ctx, keys.Funnel(at.campaign), field(at.n))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("looking whether redis has kept receipts: %w", err)
	}
	var missing []place
	for at, s := range some {
		if s.length > 0 && ends[at].Val() != s.end {
			missing = append(missing, at)
		}
		if c := counts[at]; c != nil && c.Val() != s.counts {
			b.unsettled[at] = true
			if p := b.pages.get(at.campaign, at.n); p != nil {
				p.counted = counted{}
			}
		}
	}
	for _, at := range missing {
		if ok, err := b.says(ctx, at, some[at].said); !ok {
			return false, err
		}
	}
	return true, nil
}

// says says whether the receipts of a batch, as they are now, say all of entries:
// another receiver may have made them compact. Where the rows have expired it is no
// loss.
func (b *book) says(ctx context.Context, at place, entries []entry) (bool, error) {
	if there, err := b.rdb.Exists(ctx, keys.Batches(at.campaign)).Result(); err != nil || there == 0 {
		return err == nil, err
	}
	p, err := b.open(ctx, at.campaign, at.n)
	if err == nil {
		err = b.refresh(ctx, []*page{p})
	}
	if errors.Is(err, errGone) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if p.place(&e); !p.log.knows(&e) {
			return false, nil
		}
	}
	return true, nil
}
