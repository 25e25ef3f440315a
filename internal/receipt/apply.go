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
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
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
	// by_number and early are located, unlocated and foreign are nobody's; proved are
	// submissions that they proved to be taken; invalid could not be read, unreadable are whole callbacks, other is no receipt. It may be
	// nil.
	Count func(sender, what string, n int)
	// SoleUser says that nobody else sends from a sender's number, so that a receipt
	// that names a number alone can prove something. Nil: of none.
	SoleUser func(sender string) bool
	// Halts is the share of a sender's last messages, above 0, that may be undelivered
	// before their campaign halts; 0: any. Nil: of all senders.
	Halts func(sender string) float64
	// Effects are what receipts and events do beside counting; none that is nil.
	Effects Effects
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
	tagged    int                            // campaigns.changes when tags were made
	unbuilt   map[string]time.Time           // campaigns that have no index, and when that was seen
	seeded    time.Time                      // when unsettled batches were looked for last
	shares    map[string]*share              // by campaign
}

// NewApplier makes an Applier.
func NewApplier(o Options) *Applier {
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	if o.Damaged == nil {
		o.Damaged = func(error) {}
	}
	if o.SoleUser == nil {
		o.SoleUser = func(string) bool { return false }
	}
	if o.Halts == nil {
		o.Halts = func(string) float64 { return 0 }
	}
	o.Effects = o.Effects.withDefaults()
	l := ledger.New(o.Redis, o.Now)
	return &Applier{
		o: o, book: newBook(o.Redis, l), index: locate.New(o.Redis, l, phone.IdentityOf),
		campaigns: newCampaigns(campaign.NewStore(o.Redis, o.Now)),
		tags:      map[string]map[string][]string{}, unbuilt: map[string]time.Time{}, shares: map[string]*share{},
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
	early  place
	awaits int // batches in which that is so
	done   bool
}

// Apply applies records. After an error, which is of Redis, some are applied and
// all may be given again.
func (a *Applier) Apply(ctx context.Context, records []spool.Record) error {
	arrivals, events := a.parse(records)
	// Now, and not a moment ago: what has come in may be of a campaign that began
	// since, and would be taken for somebody else's.
	if err := a.campaigns.read(ctx); err != nil {
		return fmt.Errorf("applying receipts: %w", err)
	}
	for i := range events {
		if err := a.happen(ctx, &events[i]); err != nil {
			return fmt.Errorf("acting on an event: %w", err)
		}
	}
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

// Try reads records as Apply does, counts what of them cannot be read, and returns how
// many receipts they hold. It changes nothing.
func (a *Applier) Try(records []spool.Record) int {
	arrivals, _ := a.parse(records)
	return len(arrivals)
}

// parse reads the receipts of callbacks. One that cannot be read costs no other.
func (a *Applier) parse(records []spool.Record) (all []*arrival, events []happening) {
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
		for _, e := range c.Events {
			if e.Time.IsZero() {
				e.Time = r.At
			}
			events = append(events, happening{e, r.Sender})
		}
		for _, one := range c.Receipts {
			in := &arrival{Receipt: one, from: r.Sender}
			if ref, ok := reader.Locates(one.Reference); ok {
				in.ref = ref
			}
			all = append(all, in)
		}
	}
	return all, events
}

// keepEarly keeps those that are of somebody whose answer is not on record yet.
func (a *Applier) keepEarly(ctx context.Context, arrivals []*arrival) error {
	wanted := map[place][]*arrival{}
	for _, r := range arrivals {
		if !r.done && r.awaits > 0 {
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
		e := entry{
			index: i, key: k, status: r.Status, deleted: r.Deleted, at: uint32(min(max(r.Time.Unix(), 0), sender.LastSecond)), code: r.Code,
		}
		if len(p.ids(i)) == 0 && len(r.MessageID) <= maxID && (k.located() || r.awaits == 1) {
			e.messageID = r.MessageID
		}
		if p.place(&e); !p.log.knows(&e) {
			if err := a.act(ctx, p.Campaign, p.Phones[i], r); err != nil {
				return fmt.Errorf("acting on a receipt: %w", err)
			}
		}
		r.done = true
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil
	}
	err := a.book.apply(ctx, p, entries)
	if errors.Is(err, errGone) {
		return nil
	}
	if err == nil {
		err = a.prove(ctx, p, true)
	}
	return err
}
