package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
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
	n, err := c.desk.Suppress(c.ctx, o.Phones, o.Country)
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
	n, err := c.desk.Unsuppress(c.ctx, o.Phones, o.Country)
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
	all, err := c.desk.AreSuppressed(c.ctx, o.Phones, o.Country)
	if err != nil {
		return numberProblem(err)
	}
	return c.answer(http.StatusOK, map[string][]bool{"suppressed": all})
}

// suppressions streams the list, in no order. Without the scope pii its numbers are
// masked.
func (s *Server) suppressions(c *call) error {
	h := c.w.Header()
	h.Set("Content-Type", parts.NDJSON)
	h.Set("Trailer", "Sluice-Complete")
	h.Set("Vary", "Accept-Encoding")
	packed, closeOut := c.packed()
	out := bufio.NewWriterSize(packed, 64<<10)
	e := json.NewEncoder(out)
	err := c.desk.Suppressed(c.ctx, func(phone string) error {
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
