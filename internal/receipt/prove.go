package receipt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/ledger"
)

// prove has the ledger accept the submissions of a batch of which receipts came and
// no answer did, or one that they disprove. Answered is for those alone that have an
// answer, which need not wait until it is known that none will come.
func (a *Applier) prove(ctx context.Context, p *page, answered bool) error {
	all, err := a.evidence(ctx, p, answered)
	if err != nil || len(all) == 0 {
		return err
	}
	proved, err := a.book.ledger.Prove(ctx, p.Campaign, p.N, all)
	if errors.Is(err, ledger.ErrNotStaged) {
		return nil
	}
	if err != nil {
		return err
	}
	n := 0
	for _, is := range proved {
		if is {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	a.o.Count(a.campaigns.sender[p.Campaign], "proved", n)
	if err := a.renewAccount(ctx, p.Campaign); err != nil {
		return err
	}
	if err := a.book.refresh(ctx, []*page{p}); err != nil {
		return err
	}
	err = a.book.apply(ctx, p, nil)
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// evidence is what a batch's receipts prove.
func (a *Applier) evidence(ctx context.Context, p *page, answered bool) ([]ledger.Evidence, error) {
	var all []ledger.Evidence
	var begun time.Time // of the campaign
	for i, messages := range p.log.recipients {
		for k := range messages {
			m := &messages[k]
			if m.messageID == "" || len(p.ids(i)) > 0 {
				continue
			}
			e := ledger.Evidence{Index: i, MessageID: m.messageID, Time: time.Unix(int64(m.since()), 0)}
			if m.key.located() {
				e.Try = int(m.key &^ locatedKey)
			} else {
				if !a.o.SoleUser(a.campaigns.sender[p.Campaign]) || len(messages) > 1 {
					continue
				}
				if begun.IsZero() {
					rec, err := a.campaigns.store.Get(ctx, p.Campaign)
					if err != nil {
						return nil, err
					}
					begun = rec.CreatedAt
				}
				if e.Time.Before(begun.Truncate(time.Second)) {
					continue // of some message before
				}
			}
			if !answered || p.Failed(i, e.Try) {
				all = append(all, e)
			}
		}
	}
	return all, nil
}

// renewAccount has what will be left of a retired campaign say what its rows do.
func (a *Applier) renewAccount(ctx context.Context, id string) error {
	rec, err := a.campaigns.store.Briefs(ctx, id)
	if err != nil || len(rec) == 0 || !rec[0].Expiring {
		return err
	}
	totals, err := a.book.ledger.Totals(ctx, id)
	if err != nil {
		return err
	}
	account, err := json.Marshal(totals)
	if err != nil {
		return fmt.Errorf("keeping the account of %s: %w", id, err)
	}
	return a.campaigns.store.Account(ctx, id, account)
}
