package page

import (
	"encoding/base64"
	"errors"
	"net/url"

	"sluice/internal/audit"
)

// perHistory is how many acts stand on one page.
const perHistory = 50

// A history is the page of who did what.
type history struct {
	Rows     []audit.Entry
	Campaign string
	Actor    string
	Act      string
	Next     string // the path of the next page; "" is none
	After    bool   // it is not the first page
	Any      bool   // something is looked for
}

// history shows who did what, the newest first.
func (s *Server) history(c *call) error {
	q := c.r.URL.Query()
	h := &history{Campaign: q.Get("campaign"), Actor: q.Get("actor"), Act: q.Get("act"), After: q.Get("after") != ""}
	h.Any = h.Campaign != "" || h.Actor != "" || h.Act != ""
	after, err := base64.RawURLEncoding.DecodeString(q.Get("after"))
	if err != nil {
		return errNowhere
	}
	order := audit.Query{Campaign: h.Campaign, Actor: h.Actor, Act: h.Act, After: string(after)}
	if len(c.token.Senders) > 0 {
		order.Sender = c.token.Knows
	}
	next, err := c.desk.Audit(c.ctx, order, func(e *audit.Entry) bool {
		h.Rows = append(h.Rows, *e)
		return len(h.Rows) < perHistory
	})
	if errors.Is(err, audit.ErrCursor) {
		return errNowhere
	}
	if err != nil {
		return err
	}
	if next != "" {
		more := url.Values{"after": {base64.RawURLEncoding.EncodeToString([]byte(next))}}
		for name, value := range map[string]string{"campaign": h.Campaign, "actor": h.Actor, "act": h.Act} {
			if value != "" {
				more.Set(name, value)
			}
		}
		h.Next = "/audit?" + more.Encode()
	}
	return s.show(c, sheet{Name: "audit", Title: c.words.say("nav.audit"), Section: "access", Here: "audit", Data: h})
}
