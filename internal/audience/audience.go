// Package audience says who of a list gets a campaign by what became of them in
// others: only those who ended so in one, and not those who were accepted in some
// within a time. What it says follows from those campaigns' journals at the moment it
// is asked; it writes nothing.
package audience

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/locate"
	"sluice/internal/phone"
)

// The reasons why somebody gets nothing.
const (
	notAmong = "not among those that recipients.only names"
	accepted = "accepted in a campaign that recipients.except names"
)

// An Options is what an Audience works with.
type Options struct {
	Ledger    *ledger.Ledger
	Campaigns *campaign.Store
	Index     *locate.Index
	Now       func() time.Time
}

// An Audience is the rules of one campaign.
type Audience struct {
	Options
	only   *campaign.Only
	except *campaign.Except
	within time.Duration // 0: for ever
	named  []string      // the campaigns, each once

	among, heard []uint64 // as Load found them: identities, sorted
}

// New makes the Audience of a campaign's recipients; nil where they have no rules.
func New(o Options, r campaign.Recipients) (*Audience, error) {
	if r.Only == nil && r.Except == nil {
		return nil, nil //nolint:nilnil // as is said above
	}
	a := &Audience{Options: o, only: r.Only, except: r.Except}
	if r.Only != nil {
		a.named = append(a.named, r.Only.Campaign)
	}
	if r.Except != nil {
		var err error
		if a.within, err = r.Except.Time(); err != nil {
			return nil, err
		}
		a.named = append(a.named, r.Except.Campaigns...)
	}
	slices.Sort(a.named)
	a.named = slices.Compact(a.named)
	return a, nil
}

// ErrUnknowable says that it is not to be known who is meant.
var ErrUnknowable = errors.New("it is not to be known who is meant")

// Load reads what became of everybody in the campaigns named, for Bar. It refuses
// with ErrUnknowable one that is not there, that is not imported to its end, and one
// whose rows have expired. It takes as long as exports of them, and eight bytes for
// each who is meant.
func (a *Audience) Load(ctx context.Context) error {
	for _, id := range a.named {
		rec, err := a.Campaigns.Get(ctx, id)
		switch {
		case errors.Is(err, campaign.ErrNotFound):
			return fmt.Errorf("%w: %w", ErrUnknowable, err)
		case err != nil:
			return err
		case rec.State == campaign.Draft || rec.State == campaign.Importing:
			return fmt.Errorf("%w: campaign %s is not imported to its end", ErrUnknowable, id)
		}
		if err := a.load(ctx, rec); err != nil {
			return err
		}
	}
	slices.Sort(a.among)
	slices.Sort(a.heard)
	return nil
}

func (a *Audience) load(ctx context.Context, rec *campaign.Record) error {
	rows := 0
	err := a.Ledger.Export(ctx, rec.ID, func(r ledger.Row) error {
		rows++
		among, heard := a.says(rec, &r)
		if among {
			a.among = append(a.among, phone.Identity(r.Phone))
		}
		if heard {
			a.heard = append(a.heard, phone.Identity(r.Phone))
		}
		return nil
	})
	if err == nil && rows == 0 && rec.Plan.Rows > 0 {
		err = fmt.Errorf("%w: the rows of campaign %s have expired", ErrUnknowable, rec.ID)
	}
	return err
}

// says is what a row of a campaign says of its recipient: that they are among those
// who alone get it, and that they have heard too lately.
func (a *Audience) says(rec *campaign.Record, r *ledger.Row) (among, heard bool) {
	if r.Index < 0 {
		return false, false
	}
	state := r.State
	if rec.State == campaign.Cancelled && state == ledger.Untouched.String() {
		state = string(campaign.Cancelled)
		if r.InFlight {
			state = ledger.InDoubt.String()
		}
	}
	among = a.only != nil && a.only.Campaign == rec.ID && slices.Contains(a.only.States, state)
	heard = a.except != nil && slices.Contains(a.except.Campaigns, rec.ID) && state == ledger.Accepted.String() &&
		(a.within == 0 || r.SubmittedAt.IsZero() || a.Now().Sub(r.SubmittedAt) < a.within)
	return among, heard
}

// Bar says of each number why it gets nothing, or "", by what Load read.
func (a *Audience) Bar(_ context.Context, phones []string) ([]string, error) {
	reasons := make([]string, len(phones))
	for i, number := range phones {
		is := phone.Identity(number)
		_, among := slices.BinarySearch(a.among, is)
		_, heard := slices.BinarySearch(a.heard, is)
		reasons[i] = a.reason(among, heard)
	}
	return reasons, nil
}

func (a *Audience) reason(among, heard bool) string {
	switch {
	case a.only != nil && !among:
		return notAmong
	case heard:
		return accepted
	}
	return ""
}

// Version is another where something may have changed in the campaigns named. It
// costs a reading of their summaries.
func (a *Audience) Version(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, id := range a.named {
		rec, err := a.Campaigns.Get(ctx, id)
		if errors.Is(err, campaign.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		t, err := a.Ledger.Totals(ctx, id)
		if err != nil {
			return "", err
		}
		if t.Batches == 0 {
			continue // expired: what was known at the import holds
		}
		b.WriteString(id + " " + strconv.FormatBool(rec.State == campaign.Cancelled))
		for _, n := range []int{t.Pending, t.Accepted, t.Rejected, t.InDoubt, t.Suppressed} {
			b.WriteString(" " + strconv.Itoa(n))
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// Again is Bar by what is on record now, for the few who are asked about. Of a
// campaign whose rows have expired since, what the import found holds.
func (a *Audience) Again(ctx context.Context, phones []string) ([]string, error) {
	among, heard := make([]bool, len(phones)), make([]bool, len(phones))
	for _, id := range a.named {
		rec, err := a.Campaigns.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		there, err := a.again(ctx, rec, phones, among, heard)
		if err != nil {
			return nil, err
		}
		if !there && a.only != nil && a.only.Campaign == id {
			for i := range among {
				among[i] = true
			}
		}
	}
	reasons := make([]string, len(phones))
	for i := range phones {
		reasons[i] = a.reason(among[i], heard[i])
	}
	return reasons, nil
}

// again looks the numbers up in one campaign; there is false where its rows are gone.
func (a *Audience) again(ctx context.Context, rec *campaign.Record, phones []string, among, heard []bool) (there bool, err error) {
	staged, err := a.Ledger.Staged(ctx, rec.ID)
	if err != nil || len(staged) == 0 {
		return false, err
	}
	asked := make([]locate.Asked, len(phones))
	at := make(map[uint64][]int, len(phones))
	for i, number := range phones {
		asked[i] = locate.Asked{Campaign: rec.ID, Phone: number}
		at[phone.Identity(number)] = append(at[phone.Identity(number)], i)
	}
	found, err := a.Index.FindAll(ctx, asked)
	if err == nil && slices.ContainsFunc(found, func(c locate.Candidates) bool { return !c.Indexed }) {
		if _, err = a.Index.Build(ctx, rec.ID); err == nil {
			found, err = a.Index.FindAll(ctx, asked)
		}
	}
	if err != nil {
		return false, err
	}
	var batches []int
	for _, c := range found {
		batches = append(batches, c.Batches...)
	}
	slices.Sort(batches)
	for _, n := range slices.Compact(batches) {
		rows, err := a.Ledger.Rows(ctx, rec.ID, n)
		if errors.Is(err, ledger.ErrNotStaged) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for k := range rows {
			for _, i := range at[phone.Identity(rows[k].Phone)] {
				isAmong, hasHeard := a.says(rec, &rows[k])
				among[i], heard[i] = among[i] || isAmong, heard[i] || hasHeard
			}
		}
	}
	return true, nil
}
