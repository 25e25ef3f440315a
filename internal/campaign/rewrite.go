package campaign

import (
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"

	"sluice/internal/sender"
)

// WithMessage is the campaign file as it was given, with another message: what an
// amendment is, for who has the message alone.
func (r *Record) WithMessage(m *sender.Message) ([]byte, error) {
	text, err := yaml.YAMLToJSON(r.Raw)
	if err != nil {
		return nil, fmt.Errorf("reading the campaign file of %s: %w", r.ID, err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, fmt.Errorf("reading the campaign file of %s: %w", r.ID, err)
	}
	if top["message"], err = json.Marshal(m); err != nil {
		return nil, fmt.Errorf("writing the message of %s: %w", r.ID, err)
	}
	if text, err = json.Marshal(top); err != nil {
		return nil, fmt.Errorf("writing the campaign file of %s: %w", r.ID, err)
	}
	return text, nil
}
