package receipt

import (
	"context"
	"slices"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/locate"
)

// byReference applies those that say themselves which submission they are of.
func (a *Applier) byReference(ctx context.Context, arrivals []*arrival) error {
	wanted := map[place][]*arrival{}
	for _, r := range arrivals {
		if r.ref.Try == 0 {
			continue
		}
		for _, id := range a.ofTag(r.from, r.ref.Tag) {
			at := place{id, r.ref.Batch}
			wanted[at] = append(wanted[at], r)
		}
	}
	return a.settle(ctx, wanted, func(p *page, r *arrival) (int, key) {
		i := p.whose(r.Phone)
		switch {
		case r.Phone != "":
		case r.ref.One && r.ref.Index < len(p.Phones):
			i = r.ref.Index
		default:
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
func (a *Applier) ofTag(from, tag string) []string {
	if a.tagged != a.campaigns.changes {
		a.tagged = a.campaigns.changes
		clear(a.tags)
	}
	tags := a.tags[from]
	if tags == nil {
		tags = map[string][]string{}
		if reader, ok := a.o.Reader(from); ok {
			for _, id := range a.campaigns.ofSender(from) {
				t := reader.Tag(id)
				tags[t] = append(tags[t], id)
			}
		}
		a.tags[from] = tags
	}
	return tags[tag]
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
			if ids := a.campaigns.ofSender(r.from); round < len(ids) {
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
			if len(ids) == 0 && p.Began(i) {
				if r.awaits == 0 {
					r.early = place{p.Campaign, p.N}
				}
				r.awaits++
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
	missed, err := a.build(ctx, found)
	if err != nil {
		return nil, err
	}
	if missed {
		// Whoever built it: the launch builds one at the same time.
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

// build makes the indexes that are not there, and says whether there were such.
func (a *Applier) build(ctx context.Context, found []locate.Candidates) (missed bool, err error) {
	for _, c := range found {
		if c.Indexed {
			continue
		}
		if at, seen := a.unbuilt[c.Campaign]; seen && a.o.Now().Sub(at) < time.Minute {
			continue
		}
		rec, err := a.campaigns.store.Briefs(ctx, c.Campaign)
		if err != nil {
			return false, err
		}
		if len(rec) == 0 || rec[0].State == campaign.Importing {
			// Nobody there has been submitted to yet, and an index of a part would be
			// believed once somebody is.
			continue
		}
		// The launch has not come to it, or was cut short; or its rows have expired,
		// and there is nothing to build.
		if _, err := a.index.Build(ctx, c.Campaign); err != nil {
			return false, err
		}
		a.unbuilt[c.Campaign] = a.o.Now()
		missed = true
	}
	return missed, nil
}
