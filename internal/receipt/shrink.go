package receipt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

const (
	// hotBytes is how many bytes a recipient a log has at most before it is made
	// compact, beside those that are: with the room that Redis keeps behind a string
	// that grows, it is twice as much there.
	hotBytes = 10
	// shortBytes is what it is not worth while for, of however many recipients.
	shortBytes = 256
	// quietFor is after which time without a receipt a log is made compact, however
	// short it is.
	quietFor = time.Hour
)

// place has an entry say what it says of where the log has it: a log that was made
// compact tells accepted messages apart no more.
func (p *page) place(e *entry) {
	if p.log.compacted(e.index) && counts(e.key, p.ids(e.index)) {
		e.key, e.messageID = acceptedKey, ""
	}
}

// A logLength is how long a log is, and the compact record at its beginning.
type logLength struct{ bytes, packed int }

// logs are the lengths of the logs of batches, the pairs being of the hash of those.
func (b *book) logs(ctx context.Context, id string, pairs []string) (map[int]logLength, error) {
	lengths, heads := map[int]*redis.IntCmd{}, map[int]*redis.StringCmd{}
	_, err := b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := 0; i+1 < len(pairs); i += 2 {
			if n, err := strconv.Atoi(pairs[i]); err == nil {
				lengths[n] = p.StrLen(ctx, keys.Receipts(id, n))
				heads[n] = p.GetRange(ctx, keys.Receipts(id, n), 0, stampBytes-1)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make(map[int]logLength, len(lengths))
	for n, length := range lengths {
		all[n] = logLength{int(length.Val()), compactLength(heads[n].Val())}
	}
	return all, nil
}

// shrink makes the logs of batches compact.
func (a *Applier) shrink(ctx context.Context, places []place) error {
	for some := range slices.Chunk(places, pagesAtOnce) {
		var pages []*page
		for _, at := range some {
			p, err := a.book.open(ctx, at.campaign, at.n)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil {
				return err
			}
			pages = append(pages, p)
		}
		pages, err := a.refresh(ctx, pages)
		if err != nil {
			return err
		}
		for _, p := range pages {
			if err := a.book.apply(ctx, p, nil); err != nil && !errors.Is(err, errGone) { // what it knows, it may not know to be counted
				return err
			}
			if err := a.book.compact(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// shrink makes the log of a page compact that has become long.
func (b *book) shrink(ctx context.Context, p *page) error {
	if p.logBytes-p.packed <= hotBytes*len(p.Phones)+shortBytes {
		return nil
	}
	return b.compact(ctx, p)
}

// compact makes the log of a page compact: what it says of accepted messages stands
// together, and what of others after it, as it was. Where others change it meanwhile
// it stays as it is.
func (b *book) compact(ctx context.Context, p *page) error {
	if !p.settled() {
		return nil
	}
	all := make([]standing, len(p.Phones))
	var rest []entry
	for i := range p.log.recipients {
		ids := p.ids(i)
		for k := range p.log.recipients[i] {
			m := &p.log.recipients[i][k]
			if counts(m.key, ids) {
				all[i].join(&m.standing)
			} else {
				rest = m.entries(rest, i)
			}
		}
	}
	log, ok := b.codec.compact(all, fmt.Sprint(p.logBytes, p.logHead, p.logEnd))
	if !ok {
		return nil
	}
	if len(rest) > 0 {
		log = appendEntries(log, rest)
	}
	if len(log) >= p.logBytes {
		return nil
	}
	f := p.funnel()
	names := []string{keys.Receipts(p.Campaign, p.N), keys.Funnel(p.Campaign)}
	text := f.text(len(log), p.Outcome())
	done, err := b.replace.Run(ctx, b.rdb, names, field(p.N), p.logBytes, p.logHead, f.text(p.logBytes, p.Outcome()), log, text).Int()
	if err != nil {
		p.forget()
		return fmt.Errorf("making the receipts of batch %d of %s compact: %w", p.N, p.Campaign, err)
	}
	if done == 0 {
		return nil // it is read anew before anything is written
	}
	p.forget()
	if err := b.learn(p, string(log)); err != nil {
		return err
	}
	p.counted = counted{p.logBytes, p.Outcome()}
	at := place{p.Campaign, p.N}
	if s, written := b.written[at]; written {
		b.written[at] = s.with(p, text, nil)
	}
	return nil
}

// entries appends what a message's receipts say, as entries of a recipient.
func (m *message) entries(dst []entry, index int) []entry {
	for _, status := range sender.Statuses {
		if m.at[status] == 0 {
			continue
		}
		e := entry{index: index, key: m.key, messageID: m.messageID, status: status, deleted: m.deleted, at: m.at[status] - 1}
		if status == sender.Undelivered {
			e.code = m.code
		}
		dst = append(dst, e)
	}
	return dst
}
