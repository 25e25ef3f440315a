// Package status gathers the account of a campaign: where every row of it is.
// Its sums always hold, for pending is what the rest leaves over.
package status

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/receipt"
	"sluice/internal/told"
)

// A Status is the account of one campaign, as `status --json` prints it.
type Status struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	// HaltedRow is the row of the list that a halted campaign was last about.
	HaltedRow   int            `json:"halted_row,omitempty"`
	Sender      string         `json:"sender"`
	Rows        int            `json:"rows"`
	Pending     int            `json:"pending"`
	Accepted    int            `json:"accepted"`
	Rejected    int            `json:"rejected"`
	InDoubt     int            `json:"in_doubt"`
	Invalid     int            `json:"invalid"`
	Duplicate   int            `json:"duplicate"`
	Suppressed  int            `json:"suppressed"`
	Cancelled   int            `json:"cancelled"`
	Batches     int            `json:"batches"`
	BatchesDone int            `json:"batches_done"`
	Codes       map[string]int `json:"codes"`
	Pace        Pace           `json:"pace"`
	// Receipts are those who are accepted by what receipts say of them; null once
	// the rows have expired.
	Receipts   *Receipts  `json:"receipts"`
	CreatedAt  *time.Time `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	// ETASeconds is how long it takes until everybody pending is sent to, and EndsAt
	// when that is, by all that is known to hold it; null where nobody is to be sent
	// to, or it is not to be known.
	ETASeconds *int       `json:"eta_seconds"`
	EndsAt     *time.Time `json:"ends_at"`
	// Holds are what keeps the campaign from going on, or slows it down, the most
	// important first.
	Holds []Hold `json:"holds"`
	// Warnings are what the provider has told lately of the sender's account, and that
	// somebody should look at, the latest first.
	Warnings []Warning `json:"warnings"`
	// GoesOnAt is when sending begins or goes on, where it waits for a time.
	GoesOnAt *time.Time `json:"goes_on_at,omitempty"`
	// OwnTime is the window in each recipient's own time, where there is one: no
	// one time is known at which such a campaign goes on.
	OwnTime *campaign.Window `json:"-"`
}

// Receipts are what became of those who are accepted: accepted is the sum of
// Awaiting, Sent, Delivered, Read and Undelivered at every moment, each being in
// the highest that a receipt has said of them.
type Receipts struct {
	Awaiting    int `json:"awaiting"` // no receipt yet
	Sent        int `json:"sent"`
	Delivered   int `json:"delivered"`
	Read        int `json:"read"`
	Undelivered int `json:"undelivered"`
	// Early are messages with a receipt and no answer on record yet.
	Early  int            `json:"early"`
	Codes  map[string]int `json:"codes"` // of those undelivered
	LastAt *time.Time     `json:"last_at"`
}

// receipts is what a funnel says of so many who are accepted.
func receipts(f *receipt.Funnel, accepted int) *Receipts {
	r := &Receipts{
		Awaiting: accepted - f.Sum(), Sent: f.Sent, Delivered: f.Delivered, Read: f.Read, Undelivered: f.Undelivered,
		Early: f.Early, Codes: f.Codes,
	}
	if f.Last > 0 {
		at := time.Unix(f.Last, 0).UTC()
		r.LastAt = &at
	}
	return r
}

// Pace is what the sender is allowed now.
type Pace struct {
	Limit  float64 `json:"limit"`  // messages a second, the lower of the sender's and the campaign's own; 0: none
	Factor float64 `json:"factor"` // what throttling has left of it, up to 1
	// Until is when the sender goes on, where its 24 hours are used up.
	Until *time.Time `json:"until,omitempty"`
	// PausedUntil is when the provider wants messages again, where it asked for a pause.
	PausedUntil *time.Time `json:"paused_until,omitempty"`
	// DayLimitTold is the limit of 24 hours that the provider has told of, and which
	// holds beside the sender's own.
	DayLimitTold int `json:"day_limit_told,omitempty"`
}

// A Warning is what a provider tells of a sender's account.
type Warning struct {
	What   string    `json:"what"`   // the provider's word, such as NUMBER_QUALITY
	Detail string    `json:"detail"` // such as RED; it may be empty
	At     time.Time `json:"at"`
}

// A Hold is one thing that keeps a campaign from going on, or slows it down.
type Hold struct {
	What  string     `json:"what"` // one of the Hold constants
	Text  string     `json:"text"` // for a person
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	Code  string     `json:"code,omitempty"` // the provider's
}

// What may hold a campaign.
const (
	HoldDraft     = "draft"     // it is not launched
	HoldImporting = "importing" // its list is not complete
	HoldStart     = "start"     // its time has not come
	HoldPaused    = "paused"    // by a person
	HoldHalted    = "halted"    // by an error
	HoldNoWorker  = "no_worker" // none is alive
	HoldNoSender  = "no_sender" // none that is alive knows its sender
	HoldWindow    = "window"    // its time of day is over
	HoldDay       = "day"       // the sender's messages of 24 hours are used up
	HoldCircuit   = "circuit"   // the provider does not answer
	HoldThrottled = "throttled" // the provider wants less
)

// Over says that the campaign has come to an end by itself or by a person.
func (s *Status) Over() bool {
	return s.State == string(campaign.Finished) || s.State == string(campaign.Cancelled)
}

// Recipients is how many were to get it: all rows but those that were invalid,
// duplicate or suppressed.
func (s *Status) Recipients() int { return s.Rows - s.Invalid - s.Duplicate - s.Suppressed }

// A Source reads accounts.
type Source struct {
	Redis     redis.UniversalClient
	Ledger    *ledger.Ledger
	Campaigns *campaign.Store
	Now       func() time.Time
	// Told is what a sender's provider told; told.Read if nil.
	Told func(ctx context.Context, sender string) (told.Told, error)
}

// Get reads the account of a campaign, or campaign.ErrNotFound.
func (s Source) Get(ctx context.Context, id string) (*Status, error) {
	rec, err := s.Campaigns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.Of(ctx, rec)
}

// Of is the account of a campaign whose record was read. It costs four round trips,
// whatever the size of the campaign, once that is imported.
func (s Source) Of(ctx context.Context, rec *campaign.Record) (*Status, error) {
	id := rec.ID
	// Before the account, which then counts everybody whom the receipts are of.
	funnel, err := s.receipts(ctx, rec)
	if err != nil {
		return nil, err
	}
	inFlight := 0
	if rec.State == campaign.Cancelled {
		// Before the totals: who is settled in between is in doubt here, for this once,
		// and never cancelled.
		if inFlight, err = s.Ledger.InFlight(ctx, id); err != nil {
			return nil, err
		}
	}
	t, expired, err := s.totals(ctx, rec)
	if err != nil {
		return nil, err
	}
	pace, err := ratelimit.ReadState(ctx, s.Redis, rec.Sender)
	if err != nil {
		return nil, err
	}
	known, err := s.told(ctx, rec.Sender)
	if err != nil {
		return nil, err
	}
	st := &Status{
		ID: rec.ID, State: string(rec.State), Reason: rec.Reason, HaltedRow: rec.Row, Sender: rec.Sender,
		Rows: t.Rows, Pending: t.Pending, Accepted: t.Accepted, Rejected: t.Rejected, InDoubt: t.InDoubt,
		Invalid: t.Invalid, Duplicate: t.Duplicate, Suppressed: t.Suppressed,
		Batches: t.Batches, BatchesDone: t.BatchesDone, Codes: t.Codes,
		Pace:      Pace{Limit: limit(rec, pace.Limit), Factor: pace.Factor, Until: timeOrNull(pace.Until), PausedUntil: timeOrNull(pace.Paused), DayLimitTold: pace.Told},
		Warnings:  []Warning{},
		CreatedAt: timeOrNull(rec.CreatedAt), StartedAt: timeOrNull(rec.StartedAt), FinishedAt: timeOrNull(rec.FinishedAt),
	}
	for _, w := range known.Warnings {
		st.Warnings = append(st.Warnings, Warning{w.What, w.Detail, w.At.UTC()})
	}
	st.Holds = []Hold{}
	if !expired {
		st.Receipts = receipts(&funnel, st.Accepted)
	}
	if st.Codes == nil {
		st.Codes = map[string]int{}
	}
	if rec.State == campaign.Cancelled {
		st.endInFlight(inFlight)
	}
	st.GoesOnAt = timeOrNull(s.goesOn(rec, pace))
	st.OwnTime = ownTime(rec)
	return st, nil
}

func (s Source) told(ctx context.Context, sender string) (told.Told, error) {
	if s.Told != nil {
		return s.Told(ctx, sender)
	}
	return told.Read(ctx, s.Redis, sender, s.Now())
}

// endInFlight is the account of a cancelled campaign: who was in flight may have
// been taken, and nobody else who is pending ever will be.
func (s *Status) endInFlight(inFlight int) {
	inFlight = min(inFlight, s.Pending)
	s.InDoubt += inFlight
	s.Cancelled, s.Pending = s.Pending-inFlight, 0
	if inFlight > 0 {
		s.Codes[string(ledger.CodeInFlight)] += inFlight
	}
}

// goesOn is when a campaign that waits for a time goes on; zero if it does not.
func (s Source) goesOn(rec *campaign.Record, pace ratelimit.State) time.Time {
	switch rec.State {
	case campaign.Scheduled:
		return rec.StartAt
	case campaign.Running:
		file, err := rec.File()
		if err != nil {
			return time.Time{}
		}
		now := s.Now()
		if next := file.Window.Next(now); next.After(now) {
			return next
		}
		if pace.Paused.After(pace.Until) {
			return pace.Paused
		}
		return pace.Until
	case campaign.Draft, campaign.Importing, campaign.Paused, campaign.Halted, campaign.Finished, campaign.Cancelled:
	}
	return time.Time{}
}

func ownTime(rec *campaign.Record) *campaign.Window {
	file, err := rec.File()
	if err != nil || file.Window == nil || file.Window.Timezone != campaign.RecipientZone || rec.State.Over() {
		return nil
	}
	return file.Window
}

// receipts are those of a campaign.
func (s Source) receipts(ctx context.Context, rec *campaign.Record) (receipt.Funnel, error) {
	if c, ok := rec.Counted(); ok {
		return receipt.TotalsOf(ctx, s.Redis, rec.ID, c.Batches)
	}
	return receipt.Totals(ctx, s.Redis, rec.ID)
}

// totals are the ledger's, or what was kept of them where its rows have expired.
func (s Source) totals(ctx context.Context, rec *campaign.Record) (t ledger.Totals, expired bool, err error) {
	if c, ok := rec.Counted(); ok {
		var all []ledger.Totals
		if all, err = s.Ledger.TotalsOf(ctx, c); err == nil {
			t = all[0]
		}
	} else {
		t, err = s.Ledger.Totals(ctx, rec.ID)
	}
	if err != nil || t.Batches > 0 || len(rec.Final) == 0 {
		return t, false, err
	}
	if err := json.Unmarshal(rec.Final, &t); err != nil {
		return t, false, fmt.Errorf("reading the account of %s: %w", rec.ID, err)
	}
	return t, t.Rows > 0, nil // else it never had any
}

// Expired says that the rows of a campaign that is over have expired, and its
// account is all that is left of them.
func (s Source) Expired(ctx context.Context, rec *campaign.Record) (bool, error) {
	if len(rec.Final) == 0 {
		return false, nil
	}
	staged, err := s.Ledger.Staged(ctx, rec.ID)
	if err != nil || len(staged) > 0 {
		return false, err
	}
	_, expired, err := s.totals(ctx, rec)
	return expired, err
}

// limit is the lower of the sender's limit and the campaign's own, 0 being none.
func limit(rec *campaign.Record, senders float64) float64 {
	file, err := rec.File()
	if err != nil || file.Rate.MessagesPerSecond == 0 {
		return senders
	}
	if senders == 0 {
		return file.Rate.MessagesPerSecond
	}
	return min(senders, file.Rate.MessagesPerSecond)
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
