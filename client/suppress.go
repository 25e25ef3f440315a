package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Suppress has numbers get no message: from nobody, or, where a sender is named, no
// marketing from that one. It returns how many were not on that list before.
func (c *Client) Suppress(ctx context.Context, sender string, phones ...string) (int, error) {
	return c.suppress(ctx, "/v1/suppressions", sender, phones)
}

// Unsuppress takes numbers off such a list, and returns how many were on it.
func (c *Client) Unsuppress(ctx context.Context, sender string, phones ...string) (int, error) {
	return c.suppress(ctx, "/v1/suppressions/remove", sender, phones)
}

func (c *Client) suppress(ctx context.Context, path, sender string, phones []string) (int, error) {
	order := map[string]any{"phones": phones}
	if sender != "" {
		order["sender"] = sender
	}
	body, err := json.Marshal(order)
	if err != nil {
		return 0, err
	}
	var done struct {
		Added   int `json:"added"`
		Removed int `json:"removed"`
	}
	err = c.do(ctx, request{method: http.MethodPost, path: path, body: body, into: &done})
	return done.Added + done.Removed, err
}

// A Template is one of a sender's account.
type Template struct {
	Name     string          `json:"name"`
	Language string          `json:"language"`
	Status   string          `json:"status"` // as the provider names it
	Category string          `json:"category"`
	Quality  string          `json:"quality"`
	Template json.RawMessage `json:"template"` // as the provider tells it
}

// Templates are those of a sender's account. Asked is false where its provider has no
// way to ask.
func (c *Client) Templates(ctx context.Context, sender string) (all []Template, asked bool, err error) {
	var got struct {
		Asked     bool       `json:"asked"`
		Templates []Template `json:"templates"`
	}
	err = c.do(ctx, request{method: http.MethodGet, path: "/v1/senders/" + url.PathEscape(sender) + "/templates", into: &got})
	return got.Templates, got.Asked, err
}
