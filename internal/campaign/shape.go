package campaign

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/internal/keys"
)

// A Shape is what of a list an estimate needs beside its length.
type Shape struct {
	// Zones are the recipients by their time zone, where the window is each
	// recipient's own; else nil.
	Zones map[string]int `json:"zones,omitempty"`
	// Requests is how many requests the recipients take at least; 0: one each.
	Requests int `json:"requests,omitempty"`
}

// Note keeps the shape of a campaign's list.
func (s *Store) Note(ctx context.Context, id string, shape Shape) error {
	text, err := json.Marshal(shape)
	if err == nil {
		err = s.rdb.HSet(ctx, keys.Campaign(id), fieldShape, text).Err()
	}
	if err != nil {
		return fmt.Errorf("noting the shape of %s: %w", id, err)
	}
	return nil
}

// Shape is what was noted of the list; nothing if that is not known.
func (r *Record) Shape() Shape {
	var s Shape
	if err := json.Unmarshal([]byte(r.Noted), &s); err != nil {
		return Shape{}
	}
	return s
}
