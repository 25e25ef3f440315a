package page

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/status"
)

// perPage is how many campaigns stand on one page.
const perPage = 20

// keptOver is how long the account of a campaign that is over may be kept: only a
// person's word on who is in doubt, or a late receipt, changes it.
const keptOver = 5 * time.Second

// A listing is the page of campaigns.
type listing struct {
	Rows    []row
	Any     bool // there are campaigns at all
	States  []campaign.State
	Senders []string
	State   string
	Sender  string
	Q       string
	Next    string // the path of the next page; "" is none
	After   bool   // it is not the first page
}

// A row is one campaign in it.
type row struct {
	*status.Status
	Bar  []member
	Done int // of those who were to get it
}

// glance is the account of a campaign, which everybody who looks shares.
func (s *Server) glance(ctx context.Context, id string) (*status.Status, error) {
	v, err := s.shared.get(ctx, "status "+id, func(ctx context.Context) (any, time.Duration, error) {
		st, err := s.Desk.Status(ctx, id)
		if err == nil && st.Over() {
			return st, keptOver, nil
		}
		return st, freshFor, err
	})
	if err != nil {
		return nil, err
	}
	return v.(*status.Status), nil
}

// A found page is ids of the list of campaigns.
type found struct {
	ids  []string
	next string
}

// campaigns lists them, the newest first.
func (s *Server) campaigns(c *call) (sheet, error) {
	q := c.r.URL.Query()
	l := listing{States: campaign.States, State: q.Get("state"), Sender: q.Get("sender"), Q: strings.TrimSpace(q.Get("q")), After: q.Get("after") != ""}
	after, err := base64.RawURLEncoding.DecodeString(q.Get("after"))
	if err != nil {
		return sheet{}, errNowhere
	}
	names, err := s.senderNames(c)
	if err != nil {
		return sheet{}, err
	}
	l.Senders = names
	page, err := s.find(c, &l, string(after))
	if errors.Is(err, campaign.ErrCursor) {
		return sheet{}, errNowhere
	}
	if err != nil {
		return sheet{}, err
	}
	for _, id := range page.ids {
		st, err := s.glance(c.ctx, id)
		if errors.Is(err, campaign.ErrNotFound) {
			continue // discarded meanwhile
		}
		if err != nil {
			return sheet{}, err
		}
		l.Rows = append(l.Rows, row{Status: st, Bar: accountOf(st), Done: st.Recipients() - st.Pending})
	}
	l.Any = len(l.Rows) > 0 || l.State != "" || l.Sender != "" || l.Q != "" || l.After
	if page.next != "" {
		next := url.Values{"after": {base64.RawURLEncoding.EncodeToString([]byte(page.next))}}
		for name, value := range map[string]string{"state": l.State, "sender": l.Sender, "q": l.Q} {
			if value != "" {
				next.Set(name, value)
			}
		}
		l.Next = "/?" + next.Encode()
	}
	return sheet{Name: "campaigns", Title: c.words.say("campaigns.title"), Section: "campaigns", Here: "campaigns", Data: &l}, nil
}

// find reads one page of the list. What is looked for is the key by which it is shared.
func (s *Server) find(c *call, l *listing, after string) (found, error) {
	key := strings.Join([]string{"list", strings.Join(c.token.Senders, ","), l.State, l.Sender, l.Q, after}, "\x00")
	v, err := s.shared.get(c.ctx, key, func(ctx context.Context) (any, time.Duration, error) {
		var f found
		next, err := s.Desk.Page(ctx, after, func(rec *campaign.Record) bool {
			if !c.token.Knows(rec.Sender) || l.State != "" && string(rec.State) != l.State || l.Sender != "" && rec.Sender != l.Sender || !strings.Contains(rec.ID, l.Q) {
				return true
			}
			f.ids = append(f.ids, rec.ID)
			return len(f.ids) < perPage
		})
		f.next = next
		return f, freshFor, err
	})
	if err != nil {
		return found{}, err
	}
	return v.(found), nil
}

// senderNames are the senders that there are for the token, in order.
func (s *Server) senderNames(c *call) ([]string, error) {
	names, err := s.Senders()
	if err != nil {
		return nil, &fault{Status: http.StatusServiceUnavailable, Key: "senders", Detail: err.Error()}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !c.token.Knows(name) }), nil
}
