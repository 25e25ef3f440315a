package campaign

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// DraftLasts is how long a draft stays that nobody changes.
const DraftLasts = 7 * 24 * time.Hour

// ErrChanged says that a draft is not what it was when it was read.
var ErrChanged = errors.New("it was changed meanwhile; read it again")

// A Given is a campaign as somebody composes it: what may be changed as long as it
// is a draft.
type Given struct {
	File     *File
	Raw      []byte            // the campaign file that File was read from
	Labels   map[string]string // may be nil
	Callback []byte            // may be nil
	Tells    []Event           // what Callback is to be told
}

// ETag is a digest of all that was given.
func (g *Given) ETag() string {
	labels, err := json.Marshal(g.Labels)
	if err != nil {
		panic(err) // texts always marshal
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(g.File.ID), g.Raw, labels, g.Callback} {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16])
}

func (g *Given) fields() []any {
	fields := []any{fieldSender, g.File.Sender, fieldFile, g.Raw, fieldETag, g.ETag(), fieldCallback, g.Callback, fieldTells, tellsText(g.Tells)}
	labels := ""
	if len(g.Labels) > 0 {
		text, err := json.Marshal(g.Labels)
		if err != nil {
			panic(err) // texts always marshal
		}
		labels = string(text)
	}
	return append(fields, fieldLabels, labels)
}

// draftScript makes a draft unless there is a campaign of its id.
// KEYS: campaign, events. ARGV: how long it lasts, in ms, the time, the stream of all
// campaigns' events, then fields and values. Returns 1 if it was made.
var draftScript = redis.NewScript(note + `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
note(KEYS[1], KEYS[2], ARGV[2], '', 'draft', ARGV[3])
return 1`)

// CreateDraft makes the record of a draft. Where there is a campaign of its id that
// was given alike, in whatever state, that is returned and made is false; any
// other is ErrOtherCampaign.
func (s *Store) CreateDraft(ctx context.Context, g *Given) (rec *Record, made bool, err error) {
	id, now := g.File.ID, s.now()
	if err := s.rdb.ZAddNX(ctx, keys.Campaigns(), redis.Z{Score: float64(now.UnixMilli()), Member: id}).Err(); err != nil {
		return nil, false, fmt.Errorf("indexing campaign %s: %w", id, err)
	}
	args := append([]any{DraftLasts.Milliseconds(), now.UnixMilli(), s.everywhere(), fieldState, string(Draft), fieldCreated, now.UnixMilli(), fieldMoved, now.UnixMilli()}, g.fields()...)
	made, err = draftScript.Run(ctx, s.rdb, []string{keys.Campaign(id), keys.Events(id)}, args...).Bool()
	if err != nil {
		return nil, false, fmt.Errorf("creating the draft %s: %w", id, err)
	}
	if made {
		s.noteEverywhere(ctx, id)
	}
	if rec, err = s.Get(ctx, id); err != nil {
		return nil, false, err
	}
	if rec.ETag != g.ETag() {
		return rec, false, fmt.Errorf("campaign %s was created with other content: %w", id, ErrOtherCampaign)
	}
	return rec, made, nil
}

// changeScript changes a draft, if it is what it was when it was read.
// KEYS: campaign, parts, events. ARGV: 1 etag, 2 revision of the parts or "" for any,
// 3 the state it goes to, 4 for how long it lasts in ms, or 0 for ever, 5 the time, 6
// the stream of all campaigns' events, then fields and values. Returns the state
// before, with "!" in front where it is no draft, or "?" where it was changed.
var changeScript = redis.NewScript(note + `
local draft = redis.call('HMGET', KEYS[1], 'state', 'etag', 'parts_revision')
if not draft[1] then return '' end
if draft[1] ~= 'draft' then return '!' .. draft[1] end
if draft[2] ~= ARGV[1] or ARGV[2] ~= '' and (draft[3] or '0') ~= ARGV[2] then return '?' end
redis.call('HSET', KEYS[1], 'state', ARGV[3], unpack(ARGV, 7))
for i = 1, 2 do
	if ARGV[4] == '0' then redis.call('PERSIST', KEYS[i]) else redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
end
if ARGV[3] ~= 'draft' then
	redis.call('HDEL', KEYS[1], 'problems')
	` + tell() + `
	note(KEYS[1], KEYS[3], ARGV[5], 'draft', ARGV[3], ARGV[6])
end
return 'draft'`)

func (s *Store) change(ctx context.Context, id, etag, revision string, to State, lasts time.Duration, fields []any) error {
	args := append([]any{etag, revision, string(to), lasts.Milliseconds(), s.now().UnixMilli(), s.everywhere()}, fields...)
	was, err := changeScript.Run(ctx, s.rdb, []string{keys.Campaign(id), keys.Parts(id), keys.Events(id)}, args...).Text()
	switch {
	case err != nil:
		return fmt.Errorf("changing the draft %s: %w", id, err)
	case was == "":
		return fmt.Errorf("%s: %w", id, ErrNotFound)
	case was == "?":
		return fmt.Errorf("draft %s: %w", id, ErrChanged)
	case was[0] == '!':
		return fmt.Errorf("%s is no draft, it is %s: %w", id, was[1:], ErrNotAllowed)
	}
	if to != Draft {
		s.noteEverywhere(ctx, id)
	}
	return nil
}

// ReplaceDraft puts what is given in the place of a draft that has this etag; one
// that has another is ErrChanged.
func (s *Store) ReplaceDraft(ctx context.Context, etag string, g *Given) error {
	return s.change(ctx, g.File.ID, etag, "", Draft, DraftLasts, g.fields())
}

// Freeze settles a draft, with the parts of its list, and has its import begin. Where
// stands names somebody it stands paused, by them, once it is imported. The record must
// be what the manifest was made by: a draft that was changed since is ErrChanged.
func (s *Store) Freeze(ctx context.Context, rec *Record, manifest []byte, stands string) error {
	f, err := rec.Given()
	if err != nil {
		return err
	}
	// Both before the move: they may name too many, never too few.
	if err := s.activate(ctx, rec.ID); err != nil {
		return err
	}
	if err := s.ImportDue(ctx, rec.ID); err != nil {
		return err
	}
	if len(rec.Callback) > 0 {
		if err := s.rdb.SAdd(ctx, keys.Outboxes(), rec.ID).Err(); err != nil {
			return fmt.Errorf("indexing the events of %s: %w", rec.ID, err)
		}
	}
	if rec.watched() {
		if err := s.watch(ctx, rec.ID); err != nil {
			return err
		}
	}
	err = s.change(ctx, rec.ID, rec.ETag, fmt.Sprint(rec.PartsRevision), Importing, 0, []any{
		fieldIdentity, f.Identity(), fieldManifest, manifest, fieldMoved, s.now().UnixMilli(),
		fieldStartAt, startMillis(f.StartAt), fieldWindow, f.Window.text(), fieldStands, stands,
	})
	if err != nil {
		return err
	}
	// Again: who looked for imports in between found a draft, and took it from them. Of
	// this and their own look after that, one comes last.
	return s.ImportDue(ctx, rec.ID)
}

// ImportDue puts a campaign among those whose import may be due.
func (s *Store) ImportDue(ctx context.Context, id string) error {
	if err := s.rdb.SAdd(ctx, keys.Imports(), id).Err(); err != nil {
		return fmt.Errorf("indexing the import of %s: %w", id, err)
	}
	return nil
}

// GiveBack makes a draft again of a campaign whose list cannot be imported, by the
// run of the import that has this generation, and keeps why. False: a later run has
// taken over.
func (s *Store) GiveBack(ctx context.Context, id string, generation int, problems []byte) (bool, error) {
	moved, err := s.moveOf(ctx, id, MoveGiveBack, generation, fieldProblems, problems, fieldIdentity, "", fieldManifest, "")
	if err != nil || !moved {
		return false, err
	}
	// The run is over: the next one need not wait for it.
	if err := keepScript.Run(ctx, s.rdb, []string{keys.Importer(id)}, generation, 0).Err(); err != nil {
		return true, fmt.Errorf("ending the import of %s: %w", id, err)
	}
	return true, s.rdb.PExpire(ctx, keys.Campaign(id), DraftLasts).Err()
}

// discardScript deletes a draft, and keeps that it did. KEYS: campaign, parts, events.
// ARGV: the time, the stream of all campaigns' events. Returns the state it had.
var discardScript = redis.NewScript(note + `
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'draft' then
	note(KEYS[1], KEYS[3], ARGV[1], 'draft', '', ARGV[2])
	redis.call('DEL', KEYS[1], KEYS[2])
end
return state or ''`)

// Discard deletes a draft: its id is free. Any other campaign is ErrNotAllowed.
func (s *Store) Discard(ctx context.Context, id string) error {
	touched := []string{keys.Campaign(id), keys.Parts(id), keys.Events(id)}
	was, err := discardScript.Run(ctx, s.rdb, touched, s.now().UnixMilli(), s.everywhere()).Text()
	switch {
	case err != nil:
		return fmt.Errorf("discarding %s: %w", id, err)
	case was == "":
		return fmt.Errorf("%s: %w", id, ErrNotFound)
	case was != string(Draft):
		return fmt.Errorf("cannot discard %s: it is %s: %w", id, was, ErrNotAllowed)
	}
	s.noteEverywhere(ctx, id)
	s.forget(ctx, id)
	return nil
}

// Frozen are the ids of the campaigns whose import may be due.
func (s *Store) Frozen(ctx context.Context) ([]string, error) {
	ids, err := s.rdb.SMembers(ctx, keys.Imports()).Result()
	if err != nil {
		return nil, fmt.Errorf("looking for imports: %w", err)
	}
	return ids, nil
}

// Imported takes a campaign from those whose import may be due.
func (s *Store) Imported(ctx context.Context, id string) error {
	if err := s.rdb.SRem(ctx, keys.Imports(), id).Err(); err != nil {
		return fmt.Errorf("noting that %s is imported: %w", id, err)
	}
	// It may have been given back and frozen again in between.
	rec, err := s.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case rec.State == Importing && rec.Composed():
		return s.ImportDue(ctx, id)
	}
	return nil
}
