package campaign

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/phone"
)

// moveScript makes a move if the record allows it.
// KEYS: campaign, done, outbox, due, events. ARGV: 1 to, 2 the allowed states as
// ",a,b,", 3 the condition, 4 the import's generation for the one that asks for it,
// 5 the events to tell of it as ",a,b,", 6 the time in ms, 7 the stream of all campaigns' events,
// then fields and values to set. What was kept of the account of a campaign that was
// over goes with any move.
// Returns the state before, with "!" in front if the move was refused, or "?"
// if the condition does not hold.
var moveScript = redis.NewScript(note + happened + `
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return '' end
if not string.find(ARGV[2], ',' .. state .. ',', 1, true) then return '!' .. state end
local started = redis.call('HEXISTS', KEYS[1], 'started_at') == 1
if ARGV[3] == 'started' and not started or ARGV[3] == 'unstarted' and started then return '?' .. state end
if ARGV[3] == 'newest' and (redis.call('HGET', KEYS[1], 'import') or '0') ~= ARGV[4] then return '?' .. state end
if ARGV[3] == 'done' then
	local tasks = tonumber(redis.call('HGET', KEYS[1], 'tasks') or '-1')
	if tasks ~= redis.call('SCARD', KEYS[2]) then return '?' .. state end
end
redis.call('HSET', KEYS[1], 'state', ARGV[1], unpack(ARGV, 8))
redis.call('HDEL', KEYS[1], 'final')
happened(KEYS[1], KEYS[3], KEYS[4], ARGV[5], ARGV[6], '')
` + tell() + `
note(KEYS[1], KEYS[5], ARGV[6], state, ARGV[1], ARGV[7])
return state`)

// move makes a move and sets fields with it. It reports false where the
// campaign is in the move's state already, or the move's condition does not hold.
// A campaign that is not over then is among the active ones, whatever became of
// the index before.
func (s *Store) move(ctx context.Context, id string, m Move, fields ...any) (bool, error) {
	return s.moveOf(ctx, id, m, 0, fields...)
}

// moveOf is move by the run of an import that has this generation.
func (s *Store) moveOf(ctx context.Context, id string, m Move, generation int, fields ...any) (bool, error) {
	r, from := rules()[m], ","
	for _, f := range r.from {
		from += string(f) + ","
	}
	now := s.now().UnixMilli()
	args := append([]any{string(r.to), from, string(r.when), generation, tellsText(EventsOf(m)), now, s.everywhere(), fieldMoved, now}, fields...)
	touched := []string{keys.Campaign(id), keys.Done(id), keys.Outbox(id), keys.Due(id), keys.Events(id)}
	was, err := moveScript.Run(ctx, s.rdb, touched, args...).Text()
	if err != nil {
		return false, fmt.Errorf("moving %s to %s: %w", id, r.to, err)
	}
	switch {
	case was == "":
		return false, fmt.Errorf("%s: %w", id, ErrNotFound)
	case was[0] == '?', was == "!"+string(r.to):
		return false, nil
	case was[0] == '!':
		return false, fmt.Errorf("cannot %s %s: it is %s: %w", m, id, was[1:], ErrNotAllowed)
	}
	s.noteEverywhere(ctx, id)
	if r.to.Over() {
		return true, nil
	}
	return true, s.activate(ctx, id)
}

// CodeLaunchedPaused is the code of a campaign that stands paused since its launch.
const CodeLaunchedPaused = "launched_paused"

// Launch ends the import with its plan, by the run of this generation: the campaign
// is scheduled, or stands paused where it was frozen for that. Where a later run has taken over, or the campaign is cancelled or
// was launched with another plan, it is an error and nothing is changed.
func (s *Store) Launch(ctx context.Context, id string, generation int, p Plan) error {
	fields := []any{"fingerprint", p.Fingerprint}
	for name, n := range p.planFields() {
		fields = append(fields, name, *n)
	}
	// It changes with the generation alone.
	stands, err := s.rdb.HGet(ctx, keys.Campaign(id), fieldStands).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("launching %s: %w", id, err)
	}
	m := MoveLaunch
	if stands != "" {
		m = MoveStand
		fields = append(fields, fieldBy, stands, fieldCode, CodeLaunchedPaused, fieldReason, "it was launched to stand paused until it is resumed")
	}
	moved, err := s.moveOf(ctx, id, m, generation, fields...)
	switch {
	case err == nil && moved:
		return nil
	case err == nil:
		err = fmt.Errorf("launching %s: %w", id, ledger.ErrSuperseded)
	case !errors.Is(err, ErrNotAllowed):
		return err
	}
	rec, getErr := s.Get(ctx, id)
	if getErr != nil {
		return getErr
	}
	if rec.State != Importing && rec.Plan.Fingerprint == p.Fingerprint && p.Fingerprint != "" {
		return nil // another run of the same import was quicker
	}
	return err
}

// StartIfDue starts a campaign that has been launched, if its time has come.
func (s *Store) StartIfDue(ctx context.Context, id string) error {
	rec, err := s.Get(ctx, id)
	if err != nil || rec.StartAt.After(s.now()) {
		return err
	}
	_, err = s.Start(ctx, id)
	return err
}

// Start starts a scheduled campaign.
func (s *Store) Start(ctx context.Context, id string) (bool, error) {
	moved, err := s.move(ctx, id, MoveStart, fieldStarted, s.now().UnixMilli())
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // paused or cancelled meanwhile
	}
	return moved, err
}

// Pause stops a campaign until Resume. No intent is taken any more from the
// moment it returns.
func (s *Store) Pause(ctx context.Context, id string) (bool, error) {
	return s.PauseBy(ctx, id, "")
}

// PauseBy is Pause, and keeps who did it.
func (s *Store) PauseBy(ctx context.Context, id, by string) (bool, error) {
	return s.move(ctx, id, MovePause, fieldBy, by)
}

// PauseFor is Pause for a reason that stands in the campaign's account.
func (s *Store) PauseFor(ctx context.Context, id, code, reason string) (bool, error) {
	moved, err := s.move(ctx, id, MovePause, fieldBy, "", fieldCode, code, fieldReason, phone.Hide(reason))
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // halted, cancelled or over meanwhile
	}
	return moved, err
}

// Resume goes on with a paused or halted campaign. One that was paused before its
// start is scheduled again, so that nothing is sent before its time.
func (s *Store) Resume(ctx context.Context, id string) (bool, error) {
	cleared := []any{fieldReason, "", fieldCode, "", fieldRow, 0}
	moved, err := s.move(ctx, id, MoveResume, cleared...)
	if moved || err != nil {
		return moved, err
	}
	moved, err = s.move(ctx, id, MoveReschedule, cleared...)
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // it runs, or was brought to run meanwhile
	}
	return moved, err
}

// Halt stops a running campaign with a reason; the first one stays.
func (s *Store) Halt(ctx context.Context, id, code, reason string) (bool, error) {
	return s.HaltAt(ctx, id, 0, code, reason)
}

// HaltAt is Halt with the row that the reason was last about, 0 for none. What may be a
// phone number in the reason is hidden: whoever may see the campaign sees it.
func (s *Store) HaltAt(ctx context.Context, id string, row int, code, reason string) (bool, error) {
	moved, err := s.move(ctx, id, MoveHalt, fieldCode, code, fieldReason, phone.Hide(reason), fieldRow, row)
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // paused, cancelled or over meanwhile
	}
	return moved, err
}

// Finish finishes a running campaign whose batches are all done; otherwise it
// does nothing.
func (s *Store) Finish(ctx context.Context, id string) (bool, error) {
	moved, err := s.move(ctx, id, MoveFinish, fieldFinished, s.now().UnixMilli())
	if errors.Is(err, ErrNotAllowed) {
		return false, nil
	}
	return moved, err
}

// Cancel ends a campaign for good.
func (s *Store) Cancel(ctx context.Context, id string) (bool, error) {
	return s.move(ctx, id, MoveCancel, fieldFinished, s.now().UnixMilli())
}

// Reopen runs a finished campaign again, for someone is pending.
func (s *Store) Reopen(ctx context.Context, id string) (bool, error) {
	// Before the move, so that a crash leaves it in the index. The move itself does
	// so after it, for the campaign may be retired in between.
	if err := s.activate(ctx, id); err != nil {
		return false, err
	}
	if err := s.rdb.SAdd(ctx, keys.Outboxes(), id).Err(); err != nil { // likewise
		return false, fmt.Errorf("indexing campaign %s: %w", id, err)
	}
	if err := s.watch(ctx, id); err != nil { // whoever looks finds whether there is anything to notice
		return false, err
	}
	moved, err := s.move(ctx, id, MoveReopen, fieldFinished, 0)
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // it is not finished: it will be sent or not as its state says
	}
	return moved, err
}
