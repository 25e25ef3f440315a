package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sluice/internal/desk"
	"sluice/internal/parts"
	"sluice/internal/phone"
)

const (
	// maxStopList is how many bytes a list of numbers to suppress has, unpacked.
	maxStopList = 4 << 30
	// maxStopLine is how many bytes one line of it has in NDJSON.
	maxStopLine = 64 << 10
)

// importSuppressions suppresses the numbers of a list, as it comes. It may be given
// again, and where it breaks off what came is suppressed.
func (s *Server) importSuppressions(c *call) error {
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return later(refusal(http.StatusServiceUnavailable, "unavailable", "as many lists are coming as this process takes at once"), 2)
	}
	q := c.r.URL.Query()
	if err := s.keeps(c, q.Get("sender")); err != nil {
		return err
	}
	media, err := partMedia(c.r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	body, done, err := unpack(c.r.Header.Get("Content-Encoding"), c.r.Body)
	if err != nil {
		return err
	}
	defer done()
	o := desk.SuppressOrder{File: "-", Sender: q.Get("sender"), Phone: q.Get("phone"), Country: q.Get("country"), Numbers: phone.Auto, Encoding: q.Get("encoding")}
	if o.Phone == "" {
		o.Phone = "phone"
	}
	o.Stdin = &bounded{r: body, left: maxStopList}
	if media == parts.NDJSON {
		o.Stdin, o.Phone, o.Encoding = newNumbers(o.Stdin, o.Phone), "phone", ""
	}
	list, err := c.desk.SuppressList(o)
	if err != nil {
		return listProblem(err)
	}
	defer list.Close()
	all, err := c.desk.SuppressAll(c.ctx, list)
	if err != nil {
		return listProblem(err)
	}
	return c.answer(http.StatusOK, map[string]int{"added": all.Added, "invalid": all.Invalid, "rows": all.Rows})
}

// listProblem says what is wrong with a list that came in a body.
func listProblem(err error) error {
	var p *Problem
	var invalid *desk.InvalidError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(bodyError(err), &p):
		return p
	case isAway(err):
		return err
	case errors.As(err, &invalid):
		return invalidAt("", strings.TrimPrefix(invalid.Error(), "-: "))
	}
	return fmt.Errorf("%w: %w", errRead, err)
}

// bounded refuses what is longer than a bound.
type bounded struct {
	r    io.Reader
	left int64
}

// Read reads on, within the bound.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, refusal(http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("a list has up to %d bytes, unpacked", int64(maxStopList)))
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// numbers are those of NDJSON, as a list of one column.
type numbers struct {
	lines *bufio.Scanner
	key   string
	n     int
	out   bytes.Buffer
}

func newNumbers(r io.Reader, key string) *numbers {
	n := &numbers{lines: bufio.NewScanner(r), key: key}
	n.lines.Buffer(make([]byte, 0, 4<<10), maxStopLine)
	n.out.WriteString("phone\n")
	return n
}

// Read reads on.
func (n *numbers) Read(p []byte) (int, error) {
	for n.out.Len() == 0 {
		if !n.lines.Scan() {
			switch err := n.lines.Err(); {
			case errors.Is(err, bufio.ErrTooLong):
				n.n++
				return 0, n.wrong("is longer than 64 KiB")
			case err != nil:
				return 0, err
			}
			return 0, io.EOF
		}
		n.n++
		line := n.lines.Bytes()
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil || row[n.key] == nil {
			return 0, n.wrong("is no JSON object with that key")
		}
		text := string(row[n.key])
		if text[0] == '"' {
			if err := json.Unmarshal(row[n.key], &text); err != nil {
				return 0, n.wrong("is no JSON object with that key")
			}
		}
		fmt.Fprintf(&n.out, "\"%s\"\n", strings.NewReplacer("\"", "", "\n", " ", "\r", " ").Replace(text))
	}
	return n.out.Read(p)
}

func (n *numbers) wrong(what string) error {
	p := refusal(http.StatusUnprocessableEntity, "invalid", "a line "+what)
	p.Errors = []Fault{{Line: n.n, Detail: "the line " + what}}
	return p
}
