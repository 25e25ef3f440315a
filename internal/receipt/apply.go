// Package receipt applies the providers' receipts to the campaigns that they are
// about. What receipts say of a recipient is the maximum of their statuses and the
// minimum of each one's times, so that neither order nor repetition makes a
// difference; and they count only where the account counts the recipient as
// accepted, so that accepted is the sum of the funnel at every moment.
package receipt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/locate"
	"sluice/internal/phone"
	"sluice/internal/sender"
	"sluice/internal/spool"
)

// pagesAtOnce is how many batches are worked on at once.
const pagesAtOnce = 64

// Options are what an Applier works with.
type Options struct {
	Redis redis.UniversalClient
	// Reader is who reads a sender's callbacks; false where nobody can.
	Reader func(sender string) (sender.CallbackReader, bool)
	Now    func() time.Time
	// Count is told what became of receipts, each by a word: by_reference,
	// by_number and early are located, unlocated and foreign are nobody's; invalid
	// could not be read, unreadable are whole callbacks, other is no receipt. It may be
	// nil.
	Count func(sender, what string, n int)
	// Damaged is told of a batch whose journal or receipt log cannot be read. It may
	// be nil.
	Damaged func(error)
}

// An Applier applies callbacks to the campaigns that they are about. What it has
// applied it may be given again: that changes nothing. It is not safe for use by
// many goroutines; several may work on one Redis.
type Applier struct {
	o         Options
	book      *book
	index     *locate.Index
	campaigns *campaigns
	tags      map[string]map[string][]string // by sender and tag; of campaigns
	tagged    map[string]int                 // how many of a sender's campaigns are in tags
	unbuilt   map[string]time.Time           // campaigns that have no index, and when that was seen
	seeded    bool                           // the batches that others left unsettled are known
}

// NewApplier makes an Applier.
func NewApplier(o Options) *Applier {
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	if o.Damaged == nil {
		o.Damaged = func(error) {}
	}
	l := ledger.New(o.Redis, o.Now)
	return &Applier{
		o: o, book: newBook(o.Redis, l), index: locate.New(o.Redis, l, phone.IdentityOf),
		campaigns: newCampaigns(campaign.NewStore(o.Redis, o.Now), o.Now),
		tags:      map[string]map[string][]string{}, tagged: map[string]int{}, unbuilt: map[string]time.Time{},
	}
}

// An arrival is one receipt on its way to its recipient.
type arrival struct {
	sender.Receipt
	from string
	ref  sender.Located
	by   string // how it was located
	// early is where it belongs unless a message of its id is found: somebody who
	// was submitted to and whose answer is not on record.
	early place
	await bool
	done  bool
}

// Apply applies records. After an error, which is of Redis, some are applied and
// all may be given again.
func (a *Applier) Apply(ctx context.Context, records []spool.Record) error {
	arrivals := a.parse(records)
	if err := a.byReference(ctx, arrivals); err != nil {
		return err
	}
	if err := a.byNumber(ctx, arrivals); err != nil {
		return err
	}
	if err := a.keepEarly(ctx, arrivals); err != nil {
		return err
	}
	for _, r := range arrivals {
		switch {
		case r.done:
			a.o.Count(r.from, r.by, 1)
		case r.Phone == "" && r.ref.Try == 0:
			a.o.Count(r.from, "unlocated", 1)
		default:
			a.o.Count(r.from, "foreign", 1)
		}
	}
	return nil
}

// parse reads the receipts of callbacks. One that cannot be read costs no other.
func (a *Applier) parse(records []spool.Record) []*arrival {
	var all []*arrival
	for i := range records {
		r := &records[i]
		reader, ok := a.o.Reader(r.Sender)
		if !ok {
			a.o.Count(r.Sender, "unreadable", 1)
			continue
		}
		c, err := reader.ReadCallback(r.Body)
		if err != nil {
			a.o.Count(r.Sender, "unreadable", 1)
			continue
		}
		a.o.Count(r.Sender, "invalid", c.Invalid)
		a.o.Count(r.Sender, "other", len(c.Others))
		for _, one := range c.Receipts {
			in := &arrival{Receipt: one, from: r.Sender}
			if ref, ok := reader.Locates(one.Reference); ok {
				in.ref = ref
			}
			all = append(all, in)
		}
	}
	return all
}

// byReference applies those that say themselves which submission they are of.
func (a *Applier) byReference(ctx context.Context, arrivals []*arrival) error {
	wanted := map[place][]*arrival{}
	for _, r := range arrivals {
		if r.ref.Try == 0 {
			continue
		}
		ids, err := a.ofTag(ctx, r.from, r.ref.Tag)
		if err != nil {
			return err
		}
		for _, id := range ids {
			at := place{id, r.ref.Batch}
			wanted[at] = append(wanted[at], r)
		}
	}
	return a.settle(ctx, wanted, func(p *page, r *arrival) (int, key) {
		i := p.whose(r.Phone)
		if r.Phone == "" {
			i = p.holder(r.MessageID)
		}
		if i < 0 || !p.Began(i) {
			return -1, 0
		}
		r.by = "by_reference"
		return i, keyOfTry(r.ref.Try)
	})
}

// ofTag are the campaigns of a sender that have a tag.
func (a *Applier) ofTag(ctx context.Context, from, tag string) ([]string, error) {
	ids, err := a.campaigns.ofSender(ctx, from)
	if err != nil {
		return nil, err
	}
	if a.tagged[from] != len(ids) {
		reader, ok := a.o.Reader(from)
		if !ok {
			return nil, nil
		}
		tags := map[string][]string{}
		for _, id := range ids {
			t := reader.Tag(id)
			tags[t] = append(tags[t], id)
		}
		a.tags[from], a.tagged[from] = tags, len(ids)
	}
	return a.tags[from][tag], nil
}

// byNumber applies those that name a number under which somebody was accepted with
// this message_id. It asks the sender's campaigns one after the other, the newest
// first.
func (a *Applier) byNumber(ctx context.Context, arrivals []*arrival) error {
	for round := 0; ; round++ {
		var asked []locate.Asked
		var asking []*arrival
		for _, r := range arrivals {
			if r.done || r.Phone == "" || r.ref.Try != 0 {
				continue
			}
			ids, err := a.campaigns.ofSender(ctx, r.from)
			if err != nil {
				return err
			}
			if round < len(ids) {
				asked = append(asked, locate.Asked{Campaign: ids[round], Phone: r.Phone})
				asking = append(asking, r)
			}
		}
		if len(asked) == 0 {
			return nil
		}
		wanted, err := a.candidates(ctx, asked, asking)
		if err != nil {
			return err
		}
		err = a.settle(ctx, wanted, func(p *page, r *arrival) (int, key) {
			i := p.whose(r.Phone)
			if i < 0 {
				return -1, 0
			}
			ids, k := p.ids(i), keyOf(r.MessageID)
			if slices.Contains(ids, k) {
				r.by = "by_number"
				return i, k
			}
			if !r.await && len(ids) == 0 && p.Began(i) {
				r.early, r.await = place{p.Campaign, p.N}, true
			}
			return -1, 0
		})
		if err != nil {
			return err
		}
	}
}

// candidates are the batches in which numbers may be.
func (a *Applier) candidates(ctx context.Context, asked []locate.Asked, asking []*arrival) (map[place][]*arrival, error) {
	found, err := a.index.FindAll(ctx, asked)
	if err != nil {
		return nil, err
	}
	built := false
	for _, c := range found {
		if c.Indexed {
			continue
		}
		if at, seen := a.unbuilt[c.Campaign]; seen && a.o.Now().Sub(at) < time.Minute {
			continue
		}
		// An import that was cut short after the launch, or one that goes on; or its
		// rows have expired, and there is nothing to build.
		n, err := a.index.Build(ctx, c.Campaign)
		if err != nil {
			return nil, err
		}
		a.unbuilt[c.Campaign] = a.o.Now()
		built = built || n > 0
	}
	if built {
		if found, err = a.index.FindAll(ctx, asked); err != nil {
			return nil, err
		}
	}
	wanted := map[place][]*arrival{}
	for i, c := range found {
		for _, n := range c.Batches {
			at := place{c.Campaign, n}
			wanted[at] = append(wanted[at], asking[i])
		}
	}
	return wanted, nil
}

// keepEarly keeps those that are of somebody whose answer is not on record yet.
func (a *Applier) keepEarly(ctx context.Context, arrivals []*arrival) error {
	wanted := map[place][]*arrival{}
	for _, r := range arrivals {
		if !r.done && r.await {
			wanted[r.early] = append(wanted[r.early], r)
		}
	}
	return a.settle(ctx, wanted, func(p *page, r *arrival) (int, key) {
		r.by = "early"
		return p.whose(r.Phone), keyOf(r.MessageID)
	})
}

// settle goes through batches and has match say whose each arrival is there, -1
// for nobody's, and records it.
func (a *Applier) settle(ctx context.Context, wanted map[place][]*arrival, match func(*page, *arrival) (int, key)) error {
	places := make([]place, 0, len(wanted))
	for at := range wanted {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.campaign, b.campaign), cmp.Compare(a.n, b.n))
	})
	for some := range slices.Chunk(places, pagesAtOnce) {
		var pages []*page
		for _, at := range some {
			p, err := a.book.open(ctx, at.campaign, at.n)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil {
				return fmt.Errorf("applying receipts: %w", err)
			}
			pages = append(pages, p)
		}
		pages, err := a.refresh(ctx, pages)
		if err != nil {
			return fmt.Errorf("applying receipts: %w", err)
		}
		for _, p := range pages {
			if err := a.record(ctx, p, wanted[place{p.Campaign, p.N}], match); err != nil {
				return fmt.Errorf("applying receipts: %w", err)
			}
		}
	}
	return nil
}

// refresh brings pages up to what is on record, and returns those that can be
// read: one that is damaged holds up nobody else.
func (a *Applier) refresh(ctx context.Context, pages []*page) ([]*page, error) {
	err := a.book.refresh(ctx, pages)
	if !damaged(err) {
		return pages, err
	}
	var whole []*page
	for _, p := range pages {
		switch err := a.book.refresh(ctx, []*page{p}); {
		case damaged(err):
			a.o.Damaged(err)
			a.book.pages.drop(p)
			delete(a.book.unsettled, place{p.Campaign, p.N})
		case err != nil:
			return nil, err
		default:
			whole = append(whole, p)
		}
	}
	return whole, nil
}

// damaged says whether an error is of what is stored, and not of the way there.
func damaged(err error) bool {
	var corrupt *ledger.CorruptError
	return errors.Is(err, errCorrupt) || errors.As(err, &corrupt)
}

func (a *Applier) record(ctx context.Context, p *page, arrivals []*arrival, match func(*page, *arrival) (int, key)) error {
	var entries []entry
	for _, r := range arrivals {
		if r.done {
			continue
		}
		i, k := match(p, r)
		if i < 0 {
			continue
		}
		r.done = true
		entries = append(entries, entry{
			index: i, key: k, status: r.Status, deleted: r.Deleted, at: uint32(min(max(r.Time.Unix(), 0), sender.LastSecond)), code: r.Code,
		})
	}
	if len(entries) == 0 {
		return nil
	}
	err := a.book.apply(ctx, p, entries)
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// Sweep counts anew the batches whose counts change without a receipt: an answer
// came after its receipt.
func (a *Applier) Sweep(ctx context.Context) error {
	if !a.seeded {
		if err := a.seed(ctx); err != nil {
			return err
		}
		a.seeded = true
	}
	all := make([]place, 0, len(a.book.unsettled))
	for at := range a.book.unsettled {
		all = append(all, at)
	}
	for _, at := range all {
		if err := a.Recount(ctx, at.campaign, at.n); err != nil {
			return err
		}
	}
	return nil
}

// seed takes every batch that has receipts for unsettled: which were so, a process
// that is gone has taken with it.
func (a *Applier) seed(ctx context.Context) error {
	ids, err := campaign.NewStore(a.o.Redis, a.o.Now).IDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		batches, err := a.o.Redis.HKeys(ctx, keys.Summary(id)).Result()
		if err != nil {
			return fmt.Errorf("reading which batches %s has: %w", id, err)
		}
		for _, field := range batches {
			n, err := strconv.Atoi(field)
			if err != nil {
				continue // no batch's
			}
			there, err := a.o.Redis.Exists(ctx, keys.Receipts(id, n)).Result()
			if err != nil {
				return fmt.Errorf("looking for receipts of %s: %w", id, err)
			}
			if there > 0 {
				a.book.unsettled[place{id, n}] = true
			}
		}
	}
	return nil
}

// Recount makes a batch's counts what follows from its log and its journal.
func (a *Applier) Recount(ctx context.Context, id string, n int) error {
	p, err := a.book.open(ctx, id, n)
	var pages []*page
	if err == nil {
		pages, err = a.refresh(ctx, []*page{p})
	}
	if err == nil && len(pages) > 0 {
		err = a.book.apply(ctx, p, nil)
	}
	if errors.Is(err, errGone) {
		delete(a.book.unsettled, place{id, n})
		return nil
	}
	return err
}
