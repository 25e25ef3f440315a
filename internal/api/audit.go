package api

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sluice/internal/audit"
)

// audit answers with who did what, the newest first. A token that is bound to senders
// sees what is of those.
func (s *Server) audit(c *call) error {
	limit, err := c.number("limit", 50, 1, 200)
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	query := audit.Query{Campaign: q.Get("campaign"), Actor: q.Get("actor"), Act: q.Get("act")}
	if text := q.Get("since"); text != "" {
		if query.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return refusal(http.StatusBadRequest, "bad-request", "the parameter since is a time with its zone such as 2026-11-22T09:00:00Z")
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Get("cursor"))
	if err != nil {
		return refusal(http.StatusBadRequest, "bad-request", "the cursor is none of ours")
	}
	query.After = string(after)
	if len(c.token.Senders) > 0 {
		query.Sender = c.token.Knows
	}
	page := []*audit.Entry{}
	next, err := c.desk.Audit(c.ctx, query, func(e *audit.Entry) bool {
		page = append(page, e)
		return len(page) < limit
	})
	if errors.Is(err, audit.ErrCursor) {
		return refusal(http.StatusBadRequest, "bad-request", "the cursor is none of ours")
	}
	if err != nil {
		return err
	}
	answer := map[string]any{"entries": page, "next": nil}
	if next != "" {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(next))
		answer["next"] = cursor
		q.Set("cursor", cursor)
		c.w.Header().Set("Link", fmt.Sprintf(`</v1/audit?%s>; rel="next"`, q.Encode()))
	}
	return c.answer(http.StatusOK, answer)
}
