package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A Point is a campaign's account at one moment: counts since its beginning.
type Point struct {
	At          time.Time `json:"at"`
	Submitted   int       `json:"submitted"`
	Accepted    int       `json:"accepted"`
	Rejected    int       `json:"rejected"`
	InDoubt     int       `json:"in_doubt"`
	Delivered   int       `json:"delivered"` // and not read
	Read        int       `json:"read"`
	Undelivered int       `json:"undelivered"`
	Limit       float64   `json:"limit"` // messages a second that were allowed; 0: any number
}

// Series is how a campaign went over time, as far as that is kept: the last moment of
// each step, of a second and more.
func (c *Client) Series(ctx context.Context, id string, step time.Duration) ([]Point, error) {
	var got struct {
		Points []Point `json:"points"`
	}
	query := url.Values{"step": {strconv.Itoa(max(1, int(step/time.Second)))}}
	err := c.do(ctx, request{method: http.MethodGet, path: at(id, "/series"), query: query, into: &got})
	return got.Points, err
}

// A Funnel is what receipts say of those who are accepted, each in the highest.
type Funnel struct {
	Accepted    int            `json:"accepted"`
	Awaiting    int            `json:"awaiting"` // no receipt yet
	Sent        int            `json:"sent"`
	Delivered   int            `json:"delivered"`
	Read        int            `json:"read"`
	Undelivered int            `json:"undelivered"`
	Early       int            `json:"early"` // messages with a receipt and no answer on record yet
	Codes       map[string]int `json:"codes"` // of those undelivered
	LastAt      *time.Time     `json:"last_at"`
}

// Funnel is what receipts say of a campaign.
func (c *Client) Funnel(ctx context.Context, id string) (*Funnel, error) {
	var got Funnel
	return &got, c.do(ctx, request{method: http.MethodGet, path: at(id, "/funnel"), into: &got})
}
