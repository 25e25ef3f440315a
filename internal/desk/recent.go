package desk

import (
	"context"
	"sync"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/told"
)

// recent is what many accounts have in common, as it was a short while ago: the
// workers, when the campaigns of a sender end, and what its provider told. Who is asked often for accounts of
// many campaigns keeps it; nothing of an account itself is kept.
type recent struct {
	lasts time.Duration
	now   func() time.Time

	fleet kept[fleet]
	ends  ofSenders[map[string]time.Time]
	told  ofSenders[told.Told]
}

// ofSenders is one thing of each sender.
type ofSenders[T any] struct {
	mu  sync.Mutex
	all map[string]*kept[T]
}

func (b *ofSenders[T]) of(sender string) *kept[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all[sender] == nil {
		if b.all == nil {
			b.all = map[string]*kept[T]{}
		}
		b.all[sender] = &kept[T]{}
	}
	return b.all[sender]
}

// kept is one thing that was read.
type kept[T any] struct {
	mu      sync.Mutex
	at      time.Time
	value   T
	renewed bool // it is being read anew
}

// A readAt reads a thing as it is at a time, which is handed in: it may run in the
// background, where the clock of who asked is not its to read.
type readAt[T any] func(ctx context.Context, now time.Time) (T, error)

const (
	// stillGood is how many times as long a thing is told that is being read anew.
	stillGood = 5
	// renewWithin is how long that may take.
	renewWithin = 30 * time.Second
)

// get is what was read lately, or what read says at a time. One reads at a time, and
// where what there is was read not long ago, nobody waits for it.
func (k *kept[T]) get(ctx context.Context, r *recent, read readAt[T]) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := r.now()
	switch age := now.Sub(k.at); {
	case k.at.IsZero(), age >= stillGood*r.lasts:
		v, err := read(ctx, now)
		if err == nil {
			k.at, k.value = now, v
		}
		return v, err
	case age >= r.lasts && !k.renewed:
		k.renewed = true
		go k.renew(now, read)
	}
	return k.value, nil
}

func (k *kept[T]) renew(now time.Time, read readAt[T]) {
	ctx, cancel := context.WithTimeout(context.Background(), renewWithin)
	defer cancel()
	v, err := read(ctx, now)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.renewed = false; err == nil {
		k.at, k.value = now, v
	}
}

// remembering is the same Desk, which keeps what accounts have in common for a while.
func (d *Desk) remembering(lasts time.Duration) *Desk {
	as := *d
	as.recent = &recent{lasts: lasts, now: d.now}
	return &as
}

// A fleet is the workers that live; where there is none, when one was last.
type fleet struct {
	alive []ledger.Heartbeat
	last  time.Time
}

func (d *Desk) fleet(ctx context.Context) (fleet, error) {
	return recently(ctx, d, func(r *recent) *kept[fleet] { return &r.fleet }, func(ctx context.Context, _ time.Time) (f fleet, err error) {
		if f.alive, err = d.ledger.Fleet(ctx); err == nil && len(f.alive) == 0 {
			f.last, err = d.ledger.LastBeat(ctx)
		}
		return f, err
	})
}

// endsOf are the ends of a sender's campaigns.
func (d *Desk) endsOf(ctx context.Context, sender string) (map[string]time.Time, error) {
	return recently(ctx, d, func(r *recent) *kept[map[string]time.Time] { return r.ends.of(sender) }, func(ctx context.Context, now time.Time) (map[string]time.Time, error) {
		return d.ends(ctx, sender, now)
	})
}

// toldOf is what a sender's provider told.
func (d *Desk) toldOf(ctx context.Context, sender string) (told.Told, error) {
	return recently(ctx, d, func(r *recent) *kept[told.Told] { return r.told.of(sender) }, func(ctx context.Context, now time.Time) (told.Told, error) {
		return told.Read(ctx, d.redis, sender, now)
	})
}

// recently is a thing as it was a while ago where the Desk keeps it, and as it is else.
func recently[T any](ctx context.Context, d *Desk, where func(*recent) *kept[T], read readAt[T]) (T, error) {
	if d.recent == nil {
		return read(ctx, d.now())
	}
	return where(d.recent).get(ctx, d.recent, read)
}
