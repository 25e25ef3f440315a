package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// A Recipient is what became of one row of the list.
type Recipient struct {
	Row         int    `json:"row"`
	Phone       string `json:"phone"`
	State       string `json:"state"`
	MessageID   string `json:"message_id"`
	Code        string `json:"code"`
	Message     string `json:"message"` // what the code means, or why the row is invalid
	Attempts    int    `json:"attempts"`
	SubmittedAt string `json:"submitted_at"`
	Receipt     string `json:"receipt"`
	ReceiptCode string `json:"receipt_code"`
	SentAt      string `json:"sent_at"`
	DeliveredAt string `json:"delivered_at"`
	ReadAt      string `json:"read_at"`
}

// Recipients are the rows of a campaign in the order of its list, those in one of
// the states alone where some are named. Where the stream breaks it goes on behind
// the last row; an error is the last that it yields.
func (c *Client) Recipients(ctx context.Context, id string, states ...string) iter.Seq2[Recipient, error] {
	return func(yield func(Recipient, error) bool) {
		after, broke := 0, 0
		for {
			got, done, err := c.stream(ctx, id, states, after, yield)
			if got > after {
				after, broke = got, 0
			}
			if done {
				return
			}
			var p *Problem
			if broke++; ctx.Err() != nil || broke == c.tries || errors.As(err, &p) {
				yield(Recipient{}, err)
				return
			}
		}
	}
}

// stream yields rows until the stream ends, and returns the last row that it saw.
func (c *Client) stream(ctx context.Context, id string, states []string, after int, yield func(Recipient, error) bool) (last int, done bool, err error) {
	resp, err := c.open(ctx, request{
		method: http.MethodGet, path: at(id, "/recipients"), query: url.Values{"state": states, "end": {"true"}, "after_row": {strconv.Itoa(after)}},
	})
	if err != nil {
		return after, false, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	last = after
	for lines.Scan() {
		var line struct {
			Recipient
			End bool `json:"end"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return last, false, fmt.Errorf("reading the rows: %w", err)
		}
		if line.End {
			return last, true, nil
		}
		last = line.Row
		if !yield(line.Recipient, nil) {
			return last, true, nil
		}
	}
	return last, false, errors.Join(errors.New("the rows broke off"), lines.Err())
}
