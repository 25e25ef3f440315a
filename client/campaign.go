package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// A Campaign is one as the server knows it.
type Campaign struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind"` // normal or test
	Labels   map[string]string `json:"labels"`
	ETag     string            `json:"etag"`
	Status   Status            `json:"status"`
	Parts    PartSum           `json:"parts"`
	Problems []Trouble         `json:"problems"` // why its list could not be imported
}

// A PartSum is what the parts of a list are together.
type PartSum struct {
	Count int   `json:"count"`
	Rows  int   `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// A Trouble is something in a list that is invalid.
type Trouble struct {
	Part   int    `json:"part"`
	Line   int    `json:"line"`
	Detail string `json:"detail"`
}

// A Status is the account of a campaign: Rows is the sum of the states.
type Status struct {
	State      string         `json:"state"`
	Reason     string         `json:"reason"`
	Sender     string         `json:"sender"`
	Rows       int            `json:"rows"`
	Pending    int            `json:"pending"`
	Accepted   int            `json:"accepted"`
	Rejected   int            `json:"rejected"`
	InDoubt    int            `json:"in_doubt"`
	Invalid    int            `json:"invalid"`
	Duplicate  int            `json:"duplicate"`
	Suppressed int            `json:"suppressed"`
	Cancelled  int            `json:"cancelled"`
	Codes      map[string]int `json:"codes"`
	EndsAt     *time.Time     `json:"ends_at"`
}

// Over says that nothing more happens by itself.
func (s *Status) Over() bool { return s.State == "finished" || s.State == "cancelled" }

// Waits says that it goes on once somebody sees to it.
func (s *Status) Waits() bool {
	return s.State == "draft" || s.State == "paused" || s.State == "halted"
}

func at(id string, more string) string { return "/v1/campaigns/" + url.PathEscape(id) + more }

// Create makes a draft of a campaign: the campaign file's shape as JSON, its id in
// it. Created before with the same content, it is the one there is.
func (c *Client) Create(ctx context.Context, campaign any) (*Campaign, error) {
	return c.create(ctx, campaign, nil)
}

// Send creates a campaign with a small list in recipients.rows, and launches it.
func (c *Client) Send(ctx context.Context, campaign any) (*Campaign, error) {
	return c.create(ctx, campaign, url.Values{"launch": {"true"}})
}

func (c *Client) create(ctx context.Context, campaign any, query url.Values) (*Campaign, error) {
	body, err := json.Marshal(campaign)
	if err != nil {
		return nil, err
	}
	var made Campaign
	return &made, c.do(ctx, request{method: http.MethodPost, path: "/v1/campaigns", query: query, body: body, into: &made})
}

// Get reads a campaign.
func (c *Client) Get(ctx context.Context, id string) (*Campaign, error) {
	var got Campaign
	return &got, c.do(ctx, request{method: http.MethodGet, path: at(id, ""), into: &got})
}

// A Plan says what launching a draft would do.
type Plan struct {
	Fingerprint string         `json:"fingerprint"`
	Rows        int            `json:"rows"`
	Recipients  int            `json:"recipients"`
	Invalid     int            `json:"invalid"`
	Duplicate   int            `json:"duplicate"`
	Suppressed  int            `json:"suppressed"`
	EndsAt      *time.Time     `json:"ends_at"`
	Countries   map[string]int `json:"countries"`
	Problems    []Trouble      `json:"problems"`
}

// Plan reads a draft's whole list and says what launching it would do.
func (c *Client) Plan(ctx context.Context, id string) (*Plan, error) {
	var p Plan
	return &p, c.do(ctx, request{method: http.MethodGet, path: at(id, "/plan"), into: &p})
}

// Launch settles a draft and has it sent. Rows is how many rows the list must have;
// 0: any.
func (c *Client) Launch(ctx context.Context, id string, rows int) (*Campaign, error) {
	return c.launch(ctx, id, rows, false)
}

// LaunchPaused is Launch of a campaign that stands paused once it is imported: Resume
// begins it.
func (c *Client) LaunchPaused(ctx context.Context, id string, rows int) (*Campaign, error) {
	return c.launch(ctx, id, rows, true)
}

func (c *Client) launch(ctx context.Context, id string, rows int, paused bool) (*Campaign, error) {
	order := map[string]any{}
	if rows > 0 {
		order["rows"] = rows
	}
	if paused {
		order["paused"] = true
	}
	body, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	var got Campaign
	return &got, c.do(ctx, request{method: http.MethodPost, path: at(id, "/launch"), body: body, into: &got})
}

// Pause stops a campaign until Resume.
func (c *Client) Pause(ctx context.Context, id string) error { return c.move(ctx, id, "/pause") }

// Resume goes on with a campaign that was paused or has halted.
func (c *Client) Resume(ctx context.Context, id string) error { return c.move(ctx, id, "/resume") }

// ResumeAfterRestore is Resume of a campaign that has halted because Redis was
// restored: whoever was submitted to after its state was saved gets a second message.
func (c *Client) ResumeAfterRestore(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodPost, path: at(id, "/resume"), body: []byte(`{"after_restore":true}`)})
}

// Cancel ends a campaign for good.
func (c *Client) Cancel(ctx context.Context, id string) error { return c.move(ctx, id, "/cancel") }

func (c *Client) move(ctx context.Context, id, move string) error {
	return c.do(ctx, request{method: http.MethodPost, path: at(id, move)})
}

// Wait asks every so often until a campaign is over, or until somebody has to see to
// it (Status.Waits), and returns it as it is then.
func (c *Client) Wait(ctx context.Context, id string, every time.Duration) (*Campaign, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		got, err := c.Get(ctx, id)
		if err != nil || got.Status.Over() || got.Status.Waits() {
			return got, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return got, context.Cause(ctx)
		}
	}
}
