package campaign

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// amendScript puts another message in a campaign's place, as its next revision, if
// the campaign is paused or halted. The claims that there are become stale: whoever
// has one compiled the message before.
//
//	KEYS  campaign, claims, owners, revisions
//	ARGV  the campaign file that has the message, the revision that it replaces, the
//	      states in which it may
//	returns the state, with "!" in front if it was refused for it, or "~" if others
//	        were quicker
var amendScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return '' end
if state ~= ARGV[3] and state ~= ARGV[4] then return '!' .. state end
if (redis.call('HGET', KEYS[1], 'revision') or '1') ~= ARGV[2] then return '~' .. state end
local revision = tonumber(ARGV[2]) + 1
for _, n in ipairs(redis.call('HKEYS', KEYS[3])) do redis.call('HINCRBY', KEYS[2], n, 1) end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[4], revision, 1)
local claims = redis.call('HGETALL', KEYS[2])
for i = 1, #claims, 2 do redis.call('HSET', KEYS[4], revision .. ' ' .. claims[i], claims[i + 1]) end
redis.call('HSET', KEYS[1], 'amended', ARGV[1], 'revision', revision)
` + tell() + `
return state`)

// ErrAmended says that a message was amended by somebody else in between.
var ErrAmended = errors.New("its message was amended by somebody else at the same moment")

// Amend has a paused or halted campaign send another message from now on: that of a
// campaign file, in the place of the one of this revision. Nothing of the one before
// is begun any more from the moment it returns. It must fit the columns that the
// campaign was imported with; that nobody is in flight is the caller's to see to.
func (s *Store) Amend(ctx context.Context, id string, revision int, raw []byte) error {
	touched := []string{keys.Campaign(id), keys.Claims(id), keys.Owners(id), keys.Revisions(id)}
	state, err := amendScript.Run(ctx, s.rdb, touched, raw, revision, string(Paused), string(Halted)).Text()
	switch {
	case err != nil:
		return fmt.Errorf("amending %s: %w", id, err)
	case state == "":
		return fmt.Errorf("%s: %w", id, ErrNotFound)
	case state[0] == '!':
		return fmt.Errorf("cannot amend %s: it is %s: %w", id, state[1:], ErrNotAllowed)
	case state[0] == '~':
		return fmt.Errorf("amending %s: %w", id, ErrAmended)
	}
	return nil
}

// amend puts another message in the place of the file's own, whose columns stay the
// ones that the list was imported with.
func (f *File) amend(raw []byte) error {
	a, err := ParseAmendment(raw, f.ID+".yaml")
	if err != nil {
		return err
	}
	imported := f.Message
	f.imported, f.Message = &imported, a.Message
	return nil
}
