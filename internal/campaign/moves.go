package campaign

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// moveScript makes a move if the record allows it.
// KEYS: campaign, done. ARGV: 1 to, 2 the allowed states as ",a,b,", 3 the
// condition, then fields and values to set. What was kept of the account of a
// campaign that was over goes with any move.
// Returns the state before, with "!" in front if the move was refused, or "?"
// if the condition does not hold.
var moveScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return '' end
if not string.find(ARGV[2], ',' .. state .. ',', 1, true) then return '!' .. state end
local started = redis.call('HEXISTS', KEYS[1], 'started_at') == 1
if ARGV[3] == 'started' and not started or ARGV[3] == 'unstarted' and started then return '?' .. state end
if ARGV[3] == 'done' then
	local tasks = tonumber(redis.call('HGET', KEYS[1], 'tasks') or '-1')
	if tasks ~= redis.call('SCARD', KEYS[2]) then return '?' .. state end
end
redis.call('HSET', KEYS[1], 'state', ARGV[1], unpack(ARGV, 4))
redis.call('HDEL', KEYS[1], 'final')
return state`)

// move makes a move and sets fields with it. It reports false where the
// campaign is in the move's state already, or the move's condition does not hold.
// A campaign that is not over then is among the active ones, whatever became of
// the index before.
func (s *Store) move(ctx context.Context, id string, m Move, fields ...any) (bool, error) {
	r, from := rules()[m], ","
	for _, f := range r.from {
		from += string(f) + ","
	}
	args := append([]any{string(r.to), from, string(r.when), fieldMoved, s.now().UnixMilli()}, fields...)
	was, err := moveScript.Run(ctx, s.rdb, []string{keys.Campaign(id), keys.Done(id)}, args...).Text()
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
	case r.to.Over():
		return true, nil
	}
	return true, s.activate(ctx, id)
}

// Launch ends the import with its plan: the campaign is scheduled, and started
// at once if its time has come.
func (s *Store) Launch(ctx context.Context, id string, p Plan) error {
	fields := []any{"fingerprint", p.Fingerprint}
	for name, n := range p.planFields() {
		fields = append(fields, name, *n)
	}
	_, err := s.move(ctx, id, MoveLaunch, fields...)
	if err != nil && !errors.Is(err, ErrNotAllowed) {
		return err
	}
	rec, getErr := s.Get(ctx, id)
	switch {
	case getErr != nil:
		return getErr
	case err != nil && rec.Plan.Fingerprint != p.Fingerprint:
		return err
	case err != nil:
		return nil // another run of the same import was quicker
	case rec.StartAt.After(s.now()):
		return nil
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
	return s.move(ctx, id, MovePause)
}

// Resume goes on with a paused or halted campaign. One that was paused before its
// start is scheduled again, so that nothing is sent before its time.
func (s *Store) Resume(ctx context.Context, id string) (bool, error) {
	moved, err := s.move(ctx, id, MoveResume, fieldReason, "", fieldCode, "")
	if moved || err != nil {
		return moved, err
	}
	moved, err = s.move(ctx, id, MoveReschedule)
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // it runs, or was brought to run meanwhile
	}
	return moved, err
}

// Halt stops a running campaign with a reason; the first one stays.
func (s *Store) Halt(ctx context.Context, id, code, reason string) (bool, error) {
	moved, err := s.move(ctx, id, MoveHalt, fieldCode, code, fieldReason, reason)
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
	moved, err := s.move(ctx, id, MoveReopen, fieldFinished, 0)
	if errors.Is(err, ErrNotAllowed) {
		return false, nil // it is not finished: it will be sent or not as its state says
	}
	return moved, err
}
