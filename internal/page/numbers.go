package page

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"sluice/internal/desk"
	"sluice/internal/token"
)

// A lookup is the page of one number.
type lookup struct {
	Number, Country string
	Person          *desk.Person
	Wrong           string // why it is no number
}

// numberPage asks for a number. It stands in no path: proxies keep those.
func (s *Server) numberPage(c *call) error { return s.showNumber(c, &lookup{}, http.StatusOK) }

func (s *Server) showNumber(c *call, l *lookup, code int) error {
	return s.show(c, sheet{Name: "number", Title: c.words.say("number.title"), Section: "numbers", Here: "lookup", Status: code, Data: l})
}

// number shows what a person got.
func (s *Server) number(c *call) error {
	l := &lookup{Number: c.form("number"), Country: strings.ToUpper(c.form("country"))}
	p, err := c.desk.Find(c.ctx, l.Number, l.Country)
	var wrong *desk.InvalidError
	if errors.As(err, &wrong) {
		l.Wrong = strings.TrimPrefix(wrong.Error(), "the number: ")
		return s.showNumber(c, l, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	p.Messages = slices.DeleteFunc(p.Messages, func(m desk.PersonalMessage) bool { return !c.token.Knows(m.Sender) })
	l.Person = p
	return s.showNumber(c, l, http.StatusOK)
}

// mostSuppressed is how many numbers of a list one page shows.
const mostSuppressed = 100

// A suppression is the page of those who get no message.
type suppression struct {
	Senders []string
	Sender  string // "": who gets nothing from anybody
	Numbers []string
	N       int
	Given   string // what was given, to be corrected
	Country string
	Wrong   string
	Changed int
	Did     string // add or remove, where something was done
	Of      int
}

// suppressions lists who gets no message: from nobody, or from a sender, which is the
// first that a token knows where it is bound to some.
func (s *Server) suppressions(c *call) error {
	v := &suppression{Sender: c.r.URL.Query().Get("sender")}
	if v.Sender == "" && len(c.token.Senders) > 0 {
		v.Sender = c.token.Senders[0]
	}
	return s.showSuppressions(c, v, http.StatusOK)
}

// keeps says whether a list is there for the token: that of all senders is none for one
// that is bound to some.
func (c *call) keeps(sender string, names []string) bool {
	if sender == "" {
		return len(c.token.Senders) == 0
	}
	return slices.Contains(names, sender)
}

func (s *Server) showSuppressions(c *call, v *suppression, code int) error {
	names, err := s.senderNames(c)
	if err != nil {
		return err
	}
	if !c.keeps(v.Sender, names) {
		return errNowhere
	}
	v.Senders = names
	err = eachSuppressed(c.ctx, c.desk, v.Sender, func(phone string) error {
		if v.N++; len(v.Numbers) < mostSuppressed {
			v.Numbers = append(v.Numbers, c.mask(phone))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.show(c, sheet{Name: "suppressions", Title: c.words.say("suppress.title"), Section: "numbers", Here: "suppressions", Status: code, Data: v})
}

func eachSuppressed(ctx context.Context, d *desk.Desk, sender string, each func(string) error) error {
	if sender == "" {
		return d.Suppressed(ctx, each)
	}
	return d.OptedOut(ctx, sender, each)
}

// suppress puts numbers on a list, or takes them off it.
func (s *Server) suppress(c *call) error {
	v := &suppression{Sender: c.form("sender"), Given: c.form("numbers"), Country: strings.ToUpper(c.form("country")), Did: c.form("do")}
	names, err := s.senderNames(c)
	if err != nil {
		return err
	}
	if !c.keeps(v.Sender, names) {
		return errNowhere
	}
	numbers := strings.FieldsFunc(v.Given, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ';' })
	numbers = slices.DeleteFunc(numbers, func(n string) bool { return strings.TrimSpace(n) == "" })
	v.Of = len(numbers)
	switch {
	case v.Of == 0:
		v.Wrong = c.words.say("suppress.nobody")
	case v.Did == "remove" && v.Sender == "":
		v.Changed, err = c.desk.Unsuppress(c.ctx, numbers, v.Country)
	case v.Did == "remove":
		v.Changed, err = c.desk.OptIn(c.ctx, v.Sender, numbers, v.Country)
	case v.Sender == "":
		v.Changed, err = c.desk.Suppress(c.ctx, numbers, v.Country)
	default:
		v.Changed, err = c.desk.OptOut(c.ctx, v.Sender, numbers, v.Country)
	}
	var wrong *desk.InvalidError
	if errors.As(err, &wrong) {
		v.Wrong, err = wrong.Error(), nil
	}
	if err != nil {
		return err
	}
	if v.Wrong != "" {
		v.Did = ""
		return s.showSuppressions(c, v, http.StatusUnprocessableEntity)
	}
	v.Given = ""
	return s.showSuppressions(c, v, http.StatusOK)
}

// suppressedFile streams a whole list.
func (s *Server) suppressedFile(c *call) error {
	sender := c.r.URL.Query().Get("sender")
	if !c.token.May(token.PII) {
		return forbidden(token.PII)
	}
	names, err := s.senderNames(c)
	if err != nil {
		return err
	}
	if !c.keeps(sender, names) {
		return errNowhere
	}
	c.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	c.w.Header().Set("Content-Disposition", `attachment; filename="suppressed.csv"`)
	out := bufio.NewWriter(c.w)
	_, err = out.WriteString("phone\n")
	if err == nil {
		err = eachSuppressed(c.ctx, c.desk, sender, func(phone string) error {
			_, err := out.WriteString(phone + "\n")
			return err
		})
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		panic(http.ErrAbortHandler) // what is cut off must not look whole
	}
	return nil
}
