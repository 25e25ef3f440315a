package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"sluice/internal/desk"
	"sluice/internal/parts"
)

// maxNumbers is how many numbers one request changes.
const maxNumbers = 10_000

// numbersOrder is numbers in a body. They never stand in a path, which proxies log.
type numbersOrder struct {
	Phone   string   `json:"phone"`
	Phones  []string `json:"phones"`
	Country string   `json:"country"`
	Sender  string   `json:"sender"` // the list of who want no marketing from it; empty: of who get nothing
}

// keeps refuses a list of suppressed numbers that is not the token's: one that is bound
// to senders keeps theirs, and not that of all.
func (s *Server) keeps(c *call, sender string) error {
	if sender == "" {
		if len(c.token.Senders) > 0 {
			return refusal(http.StatusForbidden, "forbidden", "the token is bound to senders: the list of all is not its to keep; name one of them in sender")
		}
		return nil
	}
	names, err := s.Senders()
	if err != nil {
		return err
	}
	if !c.token.Knows(sender) || !slices.Contains(names, sender) {
		return invalidAt("/sender", "there is no such sender for this token")
	}
	return nil
}

func (c *call) numbers() (*numbersOrder, error) {
	var o numbersOrder
	if err := c.decode(&o); err != nil {
		return nil, err
	}
	if o.Phone != "" {
		o.Phones = append(o.Phones, o.Phone)
	}
	if len(o.Phones) == 0 || len(o.Phones) > maxNumbers {
		return nil, invalidAt("/phones", "has 1 to 10000 numbers")
	}
	return &o, nil
}

// numberProblem points at the number that is invalid.
func numberProblem(err error) error {
	var invalid *desk.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	text := invalid.Error()
	if rest, ok := strings.CutPrefix(text, "number "); ok {
		if n, why, ok := strings.Cut(rest, ": "); ok {
			return invalidAt("/phones", "number "+n+" of them: "+why)
		}
	}
	return invalidAt("/phone", strings.TrimPrefix(text, "the number: "))
}

// lookup says what a person got, in every campaign that is kept.
func (s *Server) lookup(c *call) error {
	o, err := c.numbers()
	if err != nil {
		return err
	}
	if len(o.Phones) != 1 {
		return invalidAt("/phone", "one number is looked up at a time")
	}
	p, err := c.desk.Find(c.ctx, o.Phones[0], o.Country)
	if err != nil {
		return numberProblem(err)
	}
	messages := []desk.PersonalMessage{}
	for _, m := range p.Messages {
		if c.token.Knows(m.Sender) {
			messages = append(messages, m)
		}
	}
	return c.answer(http.StatusOK, map[string]any{"phone": p.Number, "suppressed": p.Suppressed, "messages": messages})
}

// suppress puts numbers on the list of those who get no message.
func (s *Server) suppress(c *call) error {
	o, err := c.numbers()
	if err != nil {
		return err
	}
	if err := s.keeps(c, o.Sender); err != nil {
		return err
	}
	var n int
	if o.Sender == "" {
		n, err = c.desk.Suppress(c.ctx, o.Phones, o.Country)
	} else {
		n, err = c.desk.OptOut(c.ctx, o.Sender, o.Phones, o.Country)
	}
	if err != nil {
		return numberProblem(err)
	}
	return c.answer(http.StatusOK, map[string]int{"added": n})
}

// unsuppress takes numbers off it.
func (s *Server) unsuppress(c *call) error {
	o, err := c.numbers()
	if err != nil {
		return err
	}
	if err := s.keeps(c, o.Sender); err != nil {
		return err
	}
	var n int
	if o.Sender == "" {
		n, err = c.desk.Unsuppress(c.ctx, o.Phones, o.Country)
	} else {
		n, err = c.desk.OptIn(c.ctx, o.Sender, o.Phones, o.Country)
	}
	if err != nil {
		return numberProblem(err)
	}
	return c.answer(http.StatusOK, map[string]int{"removed": n})
}

// suppressed says of each number whether it is on it.
func (s *Server) suppressed(c *call) error {
	o, err := c.numbers()
	if err != nil {
		return err
	}
	var all []bool
	if o.Sender == "" { // each token may know who gets nothing from anybody
		all, err = c.desk.AreSuppressed(c.ctx, o.Phones, o.Country)
	} else if err = s.keeps(c, o.Sender); err == nil {
		all, err = c.desk.AreOptedOut(c.ctx, o.Sender, o.Phones, o.Country)
	}
	if err != nil {
		return numberProblem(err)
	}
	return c.answer(http.StatusOK, map[string][]bool{"suppressed": all})
}

// suppressions streams the list, in no order. Without the scope pii its numbers are
// masked.
func (s *Server) suppressions(c *call) error {
	of := c.r.URL.Query().Get("sender")
	if err := s.keeps(c, of); err != nil {
		return err
	}
	each := c.desk.Suppressed
	if of != "" {
		each = func(ctx context.Context, f func(phone string) error) error { return c.desk.OptedOut(ctx, of, f) }
	}
	h := c.w.Header()
	h.Set("Content-Type", parts.NDJSON)
	h.Set("Trailer", "Sluice-Complete")
	h.Set("Vary", "Accept-Encoding")
	packed, closeOut := c.packed()
	out := bufio.NewWriterSize(packed, 64<<10)
	e := json.NewEncoder(out)
	err := each(c.ctx, func(phone string) error {
		if !c.token.May("pii") {
			phone = mask(phone)
		}
		return e.Encode(map[string]string{"phone": phone})
	})
	if err = errors.Join(err, out.Flush(), closeOut()); err != nil {
		return err
	}
	h.Set("Sluice-Complete", "true")
	return nil
}

// mask hides the middle of a number.
func mask(phone string) string {
	if len(phone) < 9 {
		return strings.Repeat("*", len(phone))
	}
	return phone[:5] + strings.Repeat("*", len(phone)-8) + phone[len(phone)-3:]
}
