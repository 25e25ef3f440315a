package page

import (
	"context"
	"net/http"
	"slices"
	"time"

	"sluice/internal/audit"
	"sluice/internal/desk"
	"sluice/internal/sender"
	"sluice/internal/token"
)

// A senderRow is a sender on its page.
type senderRow struct {
	*desk.SenderState
	Problem  string // why its state is not to be had
	Day      []member
	Granted  float64
	GrantedW float64
}

// senders shows the accounts that send, with what is left of their limits.
func (s *Server) senders(c *call) (sheet, error) {
	names, err := s.senderNames(c)
	if err != nil {
		return sheet{}, err
	}
	var rows []senderRow
	for _, name := range names {
		v, err := s.shared.get(c.ctx, "sender "+name, func(ctx context.Context) (any, time.Duration, error) {
			st, err := s.Desk.SenderState(ctx, name)
			return st, freshFor, err
		})
		if err != nil {
			if away(err) {
				return sheet{}, err
			}
			rows = append(rows, senderRow{SenderState: &desk.SenderState{Name: name}, Problem: err.Error()})
			continue
		}
		r := senderRow{SenderState: v.(*desk.SenderState)}
		r.Granted = r.MessagesPerSecond * min(1, r.Factor)
		r.GrantedW = barWidth * min(1, r.Factor)
		if r.MessagesPerDay > 0 {
			used := min(r.DayUsed, r.MessagesPerDay)
			r.Day = lay(r.MessagesPerDay, []member{{Name: "accepted", N: used}, {Name: "pending", N: r.MessagesPerDay - used}})
		}
		rows = append(rows, r)
	}
	return sheet{Name: "senders", Title: c.words.say("nav.senders"), Section: "sending", Here: "senders", Data: rows}, nil
}

// A fleet is the page of workers.
type fleet struct {
	Alive    []desk.Worker
	Last     time.Time
	Versions int
}

// workers shows which are alive. A token that is bound to senders sees of each what is
// of those.
func (s *Server) workers(c *call) (sheet, error) {
	v, err := s.shared.get(c.ctx, "workers", func(ctx context.Context) (any, time.Duration, error) {
		alive, last, err := s.Desk.Workers(ctx)
		return &fleet{Alive: alive, Last: last}, freshFor, err
	})
	if err != nil {
		return sheet{}, err
	}
	f := *v.(*fleet)
	f.Alive = slices.Clone(f.Alive)
	versions := map[string]bool{}
	for i := range f.Alive {
		w := &f.Alive[i]
		versions[w.Version] = true
		w.Senders = slices.DeleteFunc(slices.Clone(w.Senders), func(name string) bool { return !c.token.Knows(name) })
		if len(c.token.Senders) > 0 {
			w.Campaigns = nil
		}
	}
	f.Versions = len(versions)
	return sheet{Name: "workers", Title: c.words.say("nav.workers"), Section: "sending", Here: "workers", Data: &f}, nil
}

// A templateList is the page of a sender's templates.
type templateList struct {
	Senders []string
	Sender  string
	Asked   bool
	All     []sender.ListedTemplate
	Problem string
}

// templates shows those of a sender's account.
func (s *Server) templates(c *call) error {
	names, err := s.senderNames(c)
	if err != nil {
		return err
	}
	v := &templateList{Senders: names, Sender: c.r.URL.Query().Get("sender")}
	if v.Sender == "" && len(names) > 0 {
		v.Sender = names[0]
	}
	if v.Sender != "" && !slices.Contains(names, v.Sender) {
		return errNowhere
	}
	if v.Sender != "" {
		if v.All, v.Asked, err = s.Templates(c.ctx, v.Sender); err != nil {
			v.Problem = err.Error()
		}
	}
	return s.show(c, sheet{Name: "templates", Title: c.words.say("nav.templates"), Section: "sending", Here: "templates", Data: v})
}

// queue is the queue's web UI. It is another's program, whose page has scripts and
// styles of its own within: on its path alone they may run. It shows campaigns of all
// senders, so that a token which is bound to some has none of it.
func (s *Server) queue(c *call) error {
	if len(c.token.Senders) > 0 || s.Queue == nil {
		return errNowhere
	}
	c.w.Header().Set("Content-Security-Policy", queuePolicy)
	shown := s.queues[!c.token.May(token.Send)]
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		shown.ServeHTTP(c.w, c.r)
		return nil
	}
	return c.desk.Act(c.ctx, audit.Act{Name: "queue", Detail: c.r.Method + " " + c.r.URL.Path}, func(*audit.Act) (bool, error) {
		shown.ServeHTTP(c.w, c.r)
		return true, nil
	})
}

const queuePolicy = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// access leads to what of it the token may see.
func (s *Server) access(c *call) error {
	switch {
	case c.token.May(token.Write):
		return c.goTo("/callbacks")
	case c.token.May(token.Admin):
		return c.goTo("/tokens")
	}
	return &fault{Status: http.StatusForbidden, Key: "forbidden", Detail: token.Write}
}
