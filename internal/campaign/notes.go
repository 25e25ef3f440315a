package campaign

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// Notes are what a composed campaign is known by and where it is told of: nothing of what
// is sent, so that they may change as long as it is there.
type Notes struct {
	Labels   map[string]string // nil: as they are; empty: none
	Callback []byte            // nil: as it is; empty: nobody is told
	Tells    []Event           // what Callback is to be told
}

// notesScript changes notes. KEYS: campaign. ARGV: fields and values. Returns 1 if the
// campaign is there and was launched.
var notesScript = redis.NewScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'draft' then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1`)

// SetNotes changes the notes of a campaign that was launched; a draft's are replaced with
// the rest of it. Moves from then on are told as the notes say.
func (s *Store) SetNotes(ctx context.Context, id string, n Notes) error {
	var fields []any
	if n.Labels != nil {
		text := ""
		if len(n.Labels) > 0 {
			labels, err := json.Marshal(n.Labels)
			if err != nil {
				panic(err) // texts always marshal
			}
			text = string(labels)
		}
		fields = append(fields, fieldLabels, text)
	}
	if n.Callback != nil {
		fields = append(fields, fieldCallback, n.Callback, fieldTells, tellsText(n.Tells))
	}
	if len(fields) == 0 {
		return nil
	}
	// Before and after it: killed in between, or looked for then, it is found all the same.
	if err := s.hears(ctx, id, n.Callback); err != nil {
		return err
	}
	set, err := notesScript.Run(ctx, s.rdb, []string{keys.Campaign(id)}, fields...).Bool()
	switch {
	case err != nil:
		return fmt.Errorf("setting the notes of %s: %w", id, err)
	case !set:
		return fmt.Errorf("cannot set the notes of %s: %w", id, ErrNotAllowed)
	}
	return s.hears(ctx, id, n.Callback)
}

// hears has a campaign looked at by those who tell, and who notice what is to be told, if
// anybody is.
func (s *Store) hears(ctx context.Context, id string, callback []byte) error {
	if len(callback) == 0 {
		return nil
	}
	if err := s.rdb.SAdd(ctx, keys.Outboxes(), id).Err(); err != nil {
		return fmt.Errorf("indexing the events of %s: %w", id, err)
	}
	return s.watch(ctx, id)
}
