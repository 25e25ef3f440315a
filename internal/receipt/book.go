package receipt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/phone"
)

// A page is what this process knows of one batch: whom it is about, its journal
// and its receipt log, each up to some length.
type page struct {
	*ledger.Look
	people   []person // by identity
	log      *fold
	logBytes int
	logEnd   string // its last bytes
	counted  counted
	scratch  []key
}

// A counted is what the counts rest on that Redis has of a page: so much of its
// log, and of its journal.
type counted struct{ logBytes, outcome int }

// forget has the log read from its beginning.
func (p *page) forget() {
	p.log, p.logBytes, p.logEnd, p.counted = newFold(len(p.Phones)), 0, "", counted{}
}

// settled says that the counts in Redis follow from all that the page knows.
func (p *page) settled() bool {
	return p.logBytes > 0 && p.counted == counted{p.logBytes, p.Outcome()}
}

// A person is one recipient of a batch.
type person struct {
	identity uint64
	index    int
}

func newPage(k *ledger.Look) *page {
	p := &page{Look: k, log: newFold(len(k.Phones)), people: make([]person, len(k.Phones))}
	for i, number := range k.Phones {
		p.people[i] = person{phone.Identity(number), i}
	}
	slices.SortFunc(p.people, func(a, b person) int { return cmp.Compare(a.identity, b.identity) })
	return p
}

// whose is the index of the recipient of a number, -1 where there is none.
func (p *page) whose(number string) int {
	id := phone.Identity(number)
	if id == 0 {
		return -1
	}
	at, found := slices.BinarySearchFunc(p.people, id, func(a person, id uint64) int { return cmp.Compare(a.identity, id) })
	if !found {
		return -1
	}
	return p.people[at].index
}

// ids are the keys of the messages under which a recipient was accepted. The next
// call has the same memory.
func (p *page) ids(i int) []key {
	p.scratch = p.scratch[:0]
	p.Accepted(i, func(id string) { p.scratch = append(p.scratch, keyOf(id)) })
	return p.scratch
}

// holder is the index of the one recipient that was accepted under a message_id,
// -1 where there is none or several.
func (p *page) holder(messageID string) int {
	found := -1
	for i := range p.Phones {
		has := false
		p.Accepted(i, func(id string) { has = has || id == messageID })
		if has && found >= 0 {
			return -1
		}
		if has {
			found = i
		}
	}
	return found
}

// funnel counts the page.
func (p *page) funnel() Funnel {
	f := Funnel{Codes: map[string]int{}}
	for i := range p.log.recipients {
		if len(p.log.recipients[i]) > 0 {
			s, early := p.log.of(i, p.ids(i))
			f.add(&s, early)
		}
	}
	return f
}

// A book keeps receipts in Redis, by batch. It is not safe for use by many
// goroutines.
type book struct {
	rdb    redis.UniversalClient
	ledger *ledger.Ledger
	pages  *recent
	script *redis.Script
	// unsettled are the batches whose counts change without a receipt: they have
	// early ones, or were ahead of the account.
	unsettled map[place]bool
	// written is what was left in Redis since somebody last took it from here.
	written map[place]stamp
}

func newBook(rdb redis.UniversalClient, l *ledger.Ledger) *book {
	return &book{rdb: rdb, ledger: l, pages: newRecent(pagesKept), script: applyScript(), unsettled: map[place]bool{}, written: map[place]stamp{}}
}

// applyScript appends a record to a batch's receipt log and writes the counts that
// follow from all of it, if nobody else did meanwhile. Counts are written only where
// the batch's summary counts the outcomes that they rest on, so that no account has
// more receipts than acceptances; and never those of an older journal in the place
// of a newer one's. Where the batch has expired nothing is kept; where it is to
// expire, this goes with it.
//
//	KEYS  receipts, funnel, batches, summary
//	ARGV  n, the log's length, where the journal's last outcome ends, record or "",
//	      funnel
//	returns 1, 2 if the counts are to be written later, 0 if another was quicker,
//	        or -1 if the batch is gone
func applyScript() *redis.Script {
	return redis.NewScript(`
local ttl = redis.call('PTTL', KEYS[3])
if ttl == -2 then return -1 end
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
local was = redis.call('HGET', KEYS[2], ARGV[1])
if was then
	local journal = string.match(was, '^1 %d+ (%d+) ')
	if journal and tonumber(journal) > tonumber(ARGV[3]) then return 0 end
end
local counted = string.match(redis.call('HGET', KEYS[4], ARGV[1]) or '', '^%d+ (%d+) ')
local behind = ARGV[3] ~= '0' and (not counted or tonumber(counted) < tonumber(ARGV[3]))
if ARGV[4] ~= '' then redis.call('APPEND', KEYS[1], ARGV[4]) end
if not behind then redis.call('HSET', KEYS[2], ARGV[1], ARGV[5]) end
if ttl > 0 then
	redis.call('PEXPIRE', KEYS[1], ttl)
	redis.call('PEXPIRE', KEYS[2], ttl)
end
return behind and 2 or 1`)
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
		length *redis.IntCmd
		tail   *redis.StringCmd
	}
	cmds := make([]asked, len(pages))
	_, err := b.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, p := range pages {
			key := keys.Receipts(p.Campaign, p.N)
			cmds[i].length = pipe.StrLen(ctx, key)
			cmds[i].tail = pipe.GetRange(ctx, key, int64(p.logBytes), -1)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading receipt logs: %w", err)
	}
	for i, p := range pages {
		if length := int(cmds[i].length.Val()); length < p.logBytes {
			p.forget() // compacted, or lost with a failover
			if err := b.readLogs(ctx, pages[i:i+1]); err != nil {
				return err
			}
			continue
		}
		if err := p.learn(cmds[i].tail.Val()); err != nil {
			return fmt.Errorf("batch %d of %s: %w", p.N, p.Campaign, err)
		}
	}
	return nil
}

// learn adds a log's tail.
func (p *page) learn(tail string) error {
	if err := readEntries(tail, len(p.Phones), func(e entry) { p.log.add(e) }); err != nil {
		return err
	}
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
		ok, err := b.write(ctx, p, fresh)
		if err != nil || ok {
			return err
		}
		if err := b.refresh(ctx, []*page{p}); err != nil {
			return err
		}
	}
	return fmt.Errorf("batch %d of %s: others changed its receipts %d times in a row", p.N, p.Campaign, tries)
}

// write writes new entries and the funnel; without entries, the funnel if it is not
// there as it should be. It reports false where another was quicker.
func (b *book) write(ctx context.Context, p *page, fresh []entry) (bool, error) {
	at := place{p.Campaign, p.N}
	if len(fresh) == 0 && p.settled() {
		b.written[at] = stamp{p.logBytes, p.logEnd, ""}
		return true, nil
	}
	var record []byte
	if len(fresh) > 0 {
		record = appendEntries(nil, fresh)
	}
	length := p.logBytes
	if err := p.learn(string(record)); err != nil {
		return false, err
	}
	f := p.funnel()
	names := []string{keys.Receipts(p.Campaign, p.N), keys.Funnel(p.Campaign), keys.Batches(p.Campaign), keys.Summary(p.Campaign)}
	text := f.text(p.logBytes, p.Outcome())
	reply, err := b.script.Run(ctx, b.rdb, names, field(p.N), length, p.Outcome(), record, text).Int()
	if err == nil && reply > 0 {
		b.wrote(p, &f, text, reply == 2)
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
func (b *book) wrote(p *page, f *Funnel, text string, later bool) {
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
	b.written[at] = stamp{p.logBytes, p.logEnd, text}
}
