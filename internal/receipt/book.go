package receipt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// A book keeps receipts in Redis, by batch. It is not safe for use by many
// goroutines.
type book struct {
	rdb    redis.UniversalClient
	ledger *ledger.Ledger
	pages  *recent
	script *redis.Script
	*codec
	replace *redis.Script // of a log by a compact one
	// unsettled are the batches whose counts change without a receipt: they have
	// early ones, or were ahead of the account.
	unsettled map[place]bool
	// written is what was left in Redis since somebody last took it from here.
	written map[place]stamp
}

func newBook(rdb redis.UniversalClient, l *ledger.Ledger) *book {
	return &book{rdb: rdb, ledger: l, pages: newRecent(pagesKept), script: applyScript(), codec: newCodec(), replace: compactScript(), unsettled: map[place]bool{}, written: map[place]stamp{}}
}

// field is a batch's field in the hashes.
func field(n int) string { return strconv.Itoa(n) }

// errGone says that a batch has expired.
var errGone = errors.New("the batch has expired")

// open is the page of a batch, or errGone. It is as fresh as it was last.
func (b *book) open(ctx context.Context, id string, n int) (*page, error) {
	if p := b.pages.get(id, n); p != nil {
		return p, nil
	}
	k, err := b.ledger.Look(ctx, id, n)
	if errors.Is(err, ledger.ErrNotStaged) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	p := newPage(k)
	b.pages.put(p)
	return p, nil
}

// refresh brings pages up to what is on record.
func (b *book) refresh(ctx context.Context, pages []*page) error {
	looks := make([]*ledger.Look, len(pages))
	for i, p := range pages {
		looks[i] = p.Look
	}
	if err := b.ledger.Refresh(ctx, looks...); err != nil {
		return err
	}
	for _, p := range pages {
		b.pages.put(p) // it may have been pushed out since it was opened
	}
	return b.readLogs(ctx, pages)
}

func (b *book) readLogs(ctx context.Context, pages []*page) error {
	type asked struct {
		length     *redis.IntCmd
		head, tail *redis.StringCmd
	}
	cmds := make([]asked, len(pages))
	_, err := b.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, p := range pages {
			key := keys.Receipts(p.Campaign, p.N)
			cmds[i].length = pipe.StrLen(ctx, key)
			cmds[i].tail = pipe.GetRange(ctx, key, int64(p.logBytes), -1)
			cmds[i].head = pipe.GetRange(ctx, key, 0, stampBytes-1) // after the tail: then that is of this log
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading receipt logs: %w", err)
	}
	for i, p := range pages {
		if int(cmds[i].length.Val()) < p.logBytes || !strings.HasPrefix(cmds[i].head.Val(), p.logHead) {
			p.forget() // somebody has made it compact, or it is lost with a failover
			if err := b.readLogs(ctx, pages[i:i+1]); err != nil {
				return err
			}
			continue
		}
		if err := b.learn(p, cmds[i].tail.Val()); err != nil {
			return fmt.Errorf("batch %d of %s: %w", p.N, p.Campaign, err)
		}
	}
	return nil
}

// learn adds a log's tail.
func (b *book) learn(p *page, tail string) error {
	if err := b.entries(tail, len(p.Phones), func(e entry) { p.log.add(e) }); err != nil {
		return err
	}
	if p.logBytes == 0 {
		p.packed = compactLength(tail)
	}
	p.logHead += tail[:max(0, min(len(tail), stampBytes-len(p.logHead)))]
	p.logBytes += len(tail)
	if len(tail) > 0 {
		end := p.logEnd + tail[max(0, len(tail)-stampBytes):]
		p.logEnd = end[max(0, len(end)-stampBytes):]
	}
	return nil
}

// tries is how often a change is tried while others change the same batch.
const tries = 100

// apply records entries of one batch and its funnel. It has the page fresh first,
// if it is not. What says nothing new is not recorded again.
func (b *book) apply(ctx context.Context, p *page, entries []entry) error {
	for range tries {
		fresh := entries[:0:0]
		trial := map[int]*fold{}
		for _, e := range entries {
			p.place(&e)
			// Whether it is new is tried on a copy: the log itself learns what Redis
			// has taken.
			f := trial[e.index]
			if f == nil {
				f = &fold{recipients: make([][]message, 1), codes: map[string]string{}}
				f.recipients[0] = slices.Clone(p.log.recipients[e.index])
				trial[e.index] = f
			}
			one := e
			one.index = 0
			if f.add(one) {
				fresh = append(fresh, e)
			}
		}
		ok, err := b.write(ctx, p, entries, fresh)
		if err != nil {
			return err
		}
		if ok {
			return b.shrink(ctx, p)
		}
		if err := b.refresh(ctx, []*page{p}); err != nil {
			return err
		}
	}
	return fmt.Errorf("batch %d of %s: others changed its receipts %d times in a row", p.N, p.Campaign, tries)
}

// write writes new entries and the funnel; without entries, the funnel if it is not
// there as it should be. It reports false where another was quicker.
func (b *book) write(ctx context.Context, p *page, entries, fresh []entry) (bool, error) {
	at := place{p.Campaign, p.N}
	if len(fresh) == 0 && p.settled() {
		b.written[at] = b.written[at].with(p, "", entries)
		return true, nil
	}
	var record []byte
	if len(fresh) > 0 {
		record = appendEntries(nil, fresh)
	}
	length, head := p.logBytes, p.logHead
	if err := b.learn(p, string(record)); err != nil {
		return false, err
	}
	f := p.funnel()
	names := []string{keys.Receipts(p.Campaign, p.N), keys.Funnel(p.Campaign), keys.Batches(p.Campaign), keys.Summary(p.Campaign)}
	text := f.text(p.logBytes, p.Outcome())
	reply, err := b.script.Run(ctx, b.rdb, names, field(p.N), length, p.Outcome(), record, text, head).Int()
	if err == nil && reply > 0 {
		b.wrote(p, &f, text, entries, reply == 2)
		return true, nil
	}
	p.forget() // it is not known what Redis has
	if err != nil {
		return false, fmt.Errorf("recording receipts of batch %d of %s: %w", p.N, p.Campaign, err)
	}
	if reply == -1 {
		b.pages.drop(p)
		return false, errGone
	}
	return false, nil
}

// wrote notes what Redis has of a page now; later says that it has no counts yet.
func (b *book) wrote(p *page, f *Funnel, text string, entries []entry, later bool) {
	at := place{p.Campaign, p.N}
	if later {
		text = ""
	} else {
		p.counted = counted{p.logBytes, p.Outcome()}
	}
	if later || f.Early > 0 {
		b.unsettled[at] = true
	} else {
		delete(b.unsettled, at)
	}
	b.written[at] = b.written[at].with(p, text, entries)
}
