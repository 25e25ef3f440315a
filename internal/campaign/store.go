package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// What a caller branches on.
var (
	ErrNotFound      = errors.New("there is no campaign of this id")
	ErrOtherCampaign = errors.New("the id belongs to another campaign; an id is unique for ever, choose a new one")
	ErrDraft         = errors.New("a draft of this id is being composed over HTTP; launch it there, or choose another id")
	ErrNotAllowed    = errors.New("not possible in its state")
)

// A Store keeps the records of campaigns. It is safe for use by many goroutines.
//
// The record, with the tag of the campaign, and the index of all campaigns live
// in different slots of a Cluster, so no script changes both. The index of active
// campaigns is written before a campaign becomes active and cleaned long after it
// is over: it may name too many, never too few.
type Store struct {
	rdb redis.UniversalClient
	now func() time.Time
}

// NewStore makes a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient, now func() time.Time) *Store {
	return &Store{rdb: rdb, now: now}
}

// createScript makes a record unless there is one.
// KEYS: campaign, events. ARGV: the time, the stream of all campaigns' events, then
// the record's fields and values. Returns 1 if it was made.
var createScript = redis.NewScript(note + `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
note(KEYS[1], KEYS[2], ARGV[1], '', 'importing', ARGV[2])
return 1`)

// Create makes the record of a campaign that is to be imported, or returns the
// one there is if it is of the same campaign; another one's is ErrOtherCampaign,
// and one that was given with other settings a *SettingsError. Both say what
// differs.
func (s *Store) Create(ctx context.Context, raw []byte, f *File) (*Record, error) {
	there, err := s.Get(ctx, f.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err == nil && there.State == Draft {
		return there, fmt.Errorf("campaign %s: %w", f.ID, ErrDraft)
	}
	if err == nil && there.State.Over() { // and it may have been retired
		return there, there.isOf(f)
	}
	now := s.now()
	if err := s.index(ctx, f.ID, now); err != nil {
		return nil, err
	}
	made, err := createScript.Run(ctx, s.rdb, []string{keys.Campaign(f.ID), keys.Events(f.ID)}, now.UnixMilli(), s.everywhere(),
		fieldIdentity, f.Identity(), fieldState, string(Importing), fieldSender, f.Sender,
		fieldFile, raw, fieldCreated, now.UnixMilli(), fieldMoved, now.UnixMilli(),
		fieldStartAt, startMillis(f.StartAt), fieldWindow, f.Window.text()).Bool()
	if err != nil {
		return nil, fmt.Errorf("creating campaign %s: %w", f.ID, err)
	}
	if made {
		s.noteEverywhere(ctx, f.ID)
	}
	if there, err = s.Get(ctx, f.ID); err != nil {
		return nil, err
	}
	if there.State == Draft {
		return there, fmt.Errorf("campaign %s: %w", f.ID, ErrDraft)
	}
	return there, there.isOf(f)
}

// isOf is nil if the record is of the campaign of f as it was given, whatever was
// set since, or says what differs.
func (r *Record) isOf(f *File) error {
	if r.Identity == f.Identity() {
		return r.hasSettings(f)
	}
	if amended, err := r.File(); err == nil && r.Revision > 1 && amended.Identity() == f.Identity() {
		return r.hasSettings(f)
	}
	what := "another message, sender or way to read its recipients"
	if there, err := r.Given(); err == nil {
		if names := f.differences(there); names != "" {
			what = "another " + names
		}
	}
	return fmt.Errorf("campaign %s was created with %s: %w", r.ID, what, ErrOtherCampaign)
}

// hasSettings is nil if the record was given with the settings of f, or a
// *SettingsError.
func (r *Record) hasSettings(f *File) error {
	there, err := r.Given()
	if err != nil {
		return err
	}
	if changes := f.changes(there); len(changes) > 0 {
		return &SettingsError{ID: r.ID, Changes: changes}
	}
	return nil
}

func (s *Store) index(ctx context.Context, id string, at time.Time) error {
	if err := s.rdb.ZAddNX(ctx, keys.Campaigns(), redis.Z{Score: float64(at.UnixMilli()), Member: id}).Err(); err != nil {
		return fmt.Errorf("indexing campaign %s: %w", id, err)
	}
	return s.activate(ctx, id)
}

func (s *Store) activate(ctx context.Context, id string) error {
	if err := s.rdb.SAdd(ctx, keys.Active(), id).Err(); err != nil {
		return fmt.Errorf("indexing campaign %s: %w", id, err)
	}
	return nil
}

// Get reads a record, or returns ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*Record, error) {
	fields, err := s.rdb.HGetAll(ctx, keys.Campaign(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("reading campaign %s: %w", id, err)
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	return parseRecord(id, fields)
}

// List reads all records, the newest first.
func (s *Store) List(ctx context.Context) ([]*Record, error) {
	ids, err := s.rdb.ZRevRange(ctx, keys.Campaigns(), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("listing the campaigns: %w", err)
	}
	var records []*Record
	for some := range slices.Chunk(ids, moreAtOnce) {
		found, err := s.Many(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if r != nil { // else it has expired
				records = append(records, r)
			}
		}
	}
	return records, nil
}

// Active reads what workers need to know of the campaigns that are not over, and
// of those that are and not retired yet. It is cheap: one read, and one of a few
// fields for each.
func (s *Store) Active(ctx context.Context) ([]Brief, error) {
	ids, err := s.rdb.SMembers(ctx, keys.Active()).Result()
	if err != nil {
		return nil, fmt.Errorf("looking for active campaigns: %w", err)
	}
	return s.Briefs(ctx, ids...)
}

// Briefs reads what workers need to know of the campaigns named; those that are
// not there are left out.
func (s *Store) Briefs(ctx context.Context, ids ...string) ([]Brief, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	reads := make([]*redis.SliceCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			reads[i] = p.HMGet(ctx, keys.Campaign(id), fieldState, fieldSender, fieldStartAt, fieldMoved, fieldWindow, fieldSet, fieldExpiring, fieldRevision)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking at %d campaigns: %w", len(ids), err)
	}
	var briefs []Brief
	for i, id := range ids {
		var text [8]string
		for k, v := range reads[i].Val() {
			text[k], _ = v.(string)
		}
		if text[0] == "" {
			continue // indexed and not made yet, or never
		}
		briefs = append(briefs, Brief{
			ID: id, State: State(text[0]), Sender: text[1], StartAt: millis(text[2]), MovedAt: millis(text[3]), Window: parseWindow(text[4]), Set: text[5], Expiring: text[6] != "", Revision: revisionOf(text[7]),
		})
	}
	return briefs, nil
}
