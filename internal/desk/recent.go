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

const (
	// stillGood is how many times as long a thing is told that is being read anew.
	stillGood = 5
	// renewWithin is how long that may take.
	renewWithin = 30 * time.Second
)

// get is what was read lately, or what read says. One reads at a time, and where what
// there is was read not long ago, nobody waits for it.
func (k *kept[T]) get(ctx context.Context, r *recent, read func(context.Context) (T, error)) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := r.now()
	switch age := now.Sub(k.at); {
	case k.at.IsZero(), age >= stillGood*r.lasts:
		v, err := read(ctx)
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

func (k *kept[T]) renew(now time.Time, read func(context.Context) (T, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), renewWithin)
	defer cancel()
	v, err := read(ctx)
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
	if d.recent == nil {
		return d.readFleet(ctx)
	}
	return d.recent.fleet.get(ctx, d.recent, d.readFleet)
}

func (d *Desk) readFleet(ctx context.Context) (f fleet, err error) {
	if f.alive, err = d.ledger.Fleet(ctx); err == nil && len(f.alive) == 0 {
		f.last, err = d.ledger.LastBeat(ctx)
	}
	return f, err
}

// endsOf are the ends of a sender's campaigns.
func (d *Desk) endsOf(ctx context.Context, sender string) (map[string]time.Time, error) {
	if d.recent == nil {
		return d.ends(ctx, sender)
	}
	return d.recent.ends.of(sender).get(ctx, d.recent, func(ctx context.Context) (map[string]time.Time, error) { return d.ends(ctx, sender) })
}

// toldOf is what a sender's provider told.
func (d *Desk) toldOf(ctx context.Context, sender string) (told.Told, error) {
	now := d.now()
	read := func(ctx context.Context) (told.Told, error) { return told.Read(ctx, d.redis, sender, now) }
	if d.recent == nil {
		return read(ctx)
	}
	return d.recent.told.of(sender).get(ctx, d.recent, read)
}
