package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/outbox"
)

// A Callback is where a campaign's moves are told.
type Callback struct {
	Endpoint string           `json:"endpoint"`
	Events   []campaign.Event `json:"events"` // campaign.Events if empty
	// ProgressPercent is how far two events of progress are apart.
	ProgressPercent int `json:"progress_percent,omitempty"`
}

// callbackBody is a callback's body. The status is as of now, however late it is told.
type callbackBody struct {
	Type     string            `json:"type"`
	Campaign string            `json:"campaign"`
	Seq      int               `json:"seq"`
	At       time.Time         `json:"at"`
	Labels   map[string]string `json:"labels"`
	Percent  int               `json:"percent,omitempty"` // of progress: how much was done then
	Status   any               `json:"status"`
	Problems json.RawMessage   `json:"problems,omitempty"` // why an import failed
}

// Told says what to tell of an event, and to whom.
func (d *Desk) Told(ctx context.Context, e outbox.Event) (*outbox.Message, error) {
	rec, err := d.campaigns.Get(ctx, e.Campaign)
	if errors.Is(err, campaign.ErrNotFound) {
		return &outbox.Message{}, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := callbackOf(rec)
	if err != nil {
		return nil, err
	}
	percent, _ := strconv.Atoi(e.More) // none but progress has it
	st, err := d.source().Get(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(callbackBody{
		Type: "campaign." + e.Type, Campaign: rec.ID, Seq: e.Seq, At: e.At, Labels: rec.Labels, Percent: percent, Status: st, Problems: rec.Problems,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the callback of %s: %w", rec.ID, err)
	}
	return &outbox.Message{Endpoint: c.Endpoint, Sender: rec.Sender, Body: body, Over: rec.State.Over()}, nil
}

func callbackOf(rec *campaign.Record) (c Callback, err error) {
	if len(rec.Callback) > 0 {
		if err := json.Unmarshal(rec.Callback, &c); err != nil {
			return c, fmt.Errorf("reading the callback of %s: %w", rec.ID, err)
		}
	}
	return c, nil
}

// IsOver says whether a campaign is over, or gone.
func (d *Desk) IsOver(ctx context.Context, id string) (bool, error) {
	rec, err := d.campaigns.Get(ctx, id)
	if errors.Is(err, campaign.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return rec.State.Over(), nil
}
