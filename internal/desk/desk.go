// Package desk is what a person or a program asks of campaigns: one function for
// each question or order, over plain values. It knows no flag, no terminal and no
// provider; whoever asks hands in how a sender is opened. An order is either
// carried out or refused with an error that says why: none is ignored.
package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/audit"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/outbox"
	"sluice/internal/parts"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
	"sluice/internal/series"
	"sluice/internal/status"
	"sluice/internal/token"
)

// A Sender is a sender of the senders file, opened.
type Sender struct {
	sender.Provider
	Name      string
	Kind      string // the provider's name, such as nxcloud
	Limits    ratelimit.Limits
	Preflight Preflight
	// TemplateText is how the template of a message without placeholders reads; nil,
	// or asked false, where there is no way to ask.
	TemplateText func(ctx context.Context, m sender.Message) (text string, asked bool, err error)
}

// Preflight holds a message against the templates of a sender's account. One
// that does not fit is a *sender.UnfitError; any other error means that the
// provider could not be asked. Asked is false where there is no way to ask.
type Preflight func(ctx context.Context, m sender.Message) (warnings []string, asked bool, err error)

// Options are what a Desk works with.
type Options struct {
	// Redis holds the campaigns. It may be nil for a Desk that only prepares and
	// counts.
	Redis redis.UniversalClient
	// QueuePrefix begins the names of the queues; jobs.DefaultPrefix if empty.
	QueuePrefix string
	// Open opens a sender by its name. Its error names those that there are.
	Open func(name string) (*Sender, error)
	Now  func() time.Time
	// Remember is for how long what accounts have in common is kept, for who is asked
	// often: the workers, and when campaigns end. 0: not at all.
	Remember time.Duration
	// By is who asks, for those who look later; it may be empty.
	By audit.Actor
}

// A Desk answers questions about campaigns and carries out orders.
type Desk struct {
	redis     redis.UniversalClient
	open      func(name string) (*Sender, error)
	now       func() time.Time
	actor     audit.Actor
	ledger    *ledger.Ledger
	campaigns *campaign.Store
	queue     *jobs.Queue
	parts     *parts.Store
	series    *series.Store
	audit     *audit.Log
	tokens    *token.Store
	endpoints *outbox.Store
	recent    *recent // nil: nothing is kept
}

// New makes a Desk on o.Redis, which stays the caller's to close.
func New(o Options) *Desk {
	d := &Desk{
		redis: o.Redis, open: o.Open, now: o.Now, actor: o.By,
		ledger: ledger.New(o.Redis, o.Now), campaigns: campaign.NewStore(o.Redis, o.Now),
		queue: jobs.NewQueue(o.Redis, o.QueuePrefix), parts: parts.NewStore(o.Redis, o.Now), series: series.NewStore(o.Redis),
		audit: audit.New(o.Redis), tokens: token.NewStore(o.Redis, o.Now), endpoints: outbox.NewStore(o.Redis, o.Now),
	}
	if o.Remember > 0 {
		d = d.remembering(o.Remember)
	}
	return d
}

// As is the same Desk for somebody else, for those who look later.
func (d *Desk) As(by audit.Actor) *Desk {
	as := *d
	as.actor = by
	return &as
}

// CheckRedis says whether Redis can be trusted with a campaign, as
// ledger.CheckRedis does.
func (d *Desk) CheckRedis(ctx context.Context) error { return d.ledger.CheckRedis(ctx) }

// An InvalidError is an order that is wrong in itself, such as an invalid file:
// to give it again without a change is of no use.
type InvalidError struct{ Err error }

func (e *InvalidError) Error() string { return e.Err.Error() }
func (e *InvalidError) Unwrap() error { return e.Err }

func invalid(format string, args ...any) error {
	return &InvalidError{fmt.Errorf(format, args...)}
}

// ErrExpired says that a campaign's rows are gone. It is no fault of anyone's:
// rows are kept for a time only.
var ErrExpired = errors.New("its rows have expired; its status has the account that is left of them")

// withRows reads the record of a campaign whose rows are still there, or returns
// ErrExpired.
func (d *Desk) withRows(ctx context.Context, id string) (*campaign.Record, error) {
	rec, err := d.campaigns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	expired, err := d.source().Expired(ctx, rec)
	if err != nil {
		return nil, err
	}
	if expired {
		return nil, fmt.Errorf("%s: %w", id, ErrExpired)
	}
	return rec, nil
}

func (d *Desk) source() status.Source {
	return status.Source{Redis: d.redis, Ledger: d.ledger, Campaigns: d.campaigns, Now: d.now, Told: d.toldOf}
}
