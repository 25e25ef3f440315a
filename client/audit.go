package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// An Act is what somebody did, on the command line, over the API or on the page.
type Act struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"` // such as token:crm or cli:ana@desk
	Request  string    `json:"request"`
	Act      string    `json:"act"`      // such as pause
	Campaign string    `json:"campaign"` // empty: of none
	Sender   string    `json:"sender"`
	Detail   string    `json:"detail"`
	Outcome  string    `json:"outcome"` // done, unchanged, refused, failed or begun
}

// Acts are who did what, the newest first, back to a time (the zero time: to the
// beginning); of one campaign alone where it is named. It needs a token with the
// scope admin. An error is the last that it yields.
func (c *Client) Acts(ctx context.Context, since time.Time, campaign string) iter.Seq2[Act, error] {
	return func(yield func(Act, error) bool) {
		query := url.Values{"limit": {"200"}}
		if !since.IsZero() {
			query.Set("since", since.UTC().Format(time.RFC3339))
		}
		if campaign != "" {
			query.Set("campaign", campaign)
		}
		for {
			var page struct {
				Entries []Act  `json:"entries"`
				Next    string `json:"next"`
			}
			if err := c.do(ctx, request{method: http.MethodGet, path: "/v1/audit", query: query, into: &page}); err != nil {
				yield(Act{}, err)
				return
			}
			for _, a := range page.Entries {
				if !yield(a, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}
