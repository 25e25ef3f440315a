package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"sluice/internal/campaign"
)

// Bounds of a campaign's object.
const (
	maxLabels = 16
	maxLabel  = 100
	maxRows   = 10_000
)

// A composition is a campaign's object: the campaign file's own fields, and what
// only the API has.
type composition struct {
	file     []byte // the campaign file, in JSON
	labels   map[string]string
	callback []byte // as it is kept; nil: nobody is told
	events   []campaign.Event
	endpoint string
	rows     []byte // a small list, in NDJSON; nil: it comes in parts
}

// compose reads a campaign's object. Id is the path's, if there is one; fresh has
// one made where there is none.
func compose(data []byte, id string, fresh bool) (*composition, error) {
	whole, err := canonical(data)
	if err != nil {
		return nil, err
	}
	top, order, err := members(whole, "")
	if err != nil {
		return nil, err
	}
	c := &composition{}
	if text, ok := top["labels"]; ok {
		if err := c.label(text); err != nil {
			return nil, err
		}
		delete(top, "labels")
	}
	if text, ok := top["callback"]; ok {
		if err := c.call(text); err != nil {
			return nil, err
		}
		delete(top, "callback")
	}
	if text, ok := top["recipients"]; ok {
		inner, names, err := members(text, "/recipients")
		if err != nil {
			return nil, err
		}
		if rows, ok := inner["rows"]; ok {
			if c.rows, err = ndjson(rows); err != nil {
				return nil, err
			}
			delete(inner, "rows")
			top["recipients"] = join(inner, names)
		}
	}
	if _, ok := top["id"]; !ok && (id != "" || fresh) {
		if id == "" {
			made, err := uuid.NewV7()
			if err != nil {
				return nil, fmt.Errorf("making an id: %w", err)
			}
			id = made.String()
		}
		top["id"], order = json.RawMessage(fmt.Sprintf("%q", id)), append([]string{"id"}, order...)
	}
	c.file = join(top, order)
	return c, nil
}

// members are an object's.
func members(data []byte, at string) (map[string]json.RawMessage, []string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, invalidAt(at, "must be an object")
	}
	all, order := map[string]json.RawMessage{}, []string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, invalidAt(at, "not valid JSON")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, invalidAt(at, "not valid JSON")
		}
		all[fmt.Sprint(name)] = value
		order = append(order, fmt.Sprint(name))
	}
	return all, order, nil
}

// join is an object of those members that are there.
func join(all map[string]json.RawMessage, order []string) json.RawMessage {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, name := range order {
		value, ok := all[name]
		if !ok {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		writeScalar(&out, name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes()
}

func (c *composition) label(text []byte) error {
	if err := json.Unmarshal(text, &c.labels); err != nil {
		return invalidAt("/labels", "must be an object of texts")
	}
	if len(c.labels) > maxLabels {
		return invalidAt("/labels", fmt.Sprintf("at most %d", maxLabels))
	}
	for name, value := range c.labels {
		if name == "" || len(name) > maxLabel || len(value) > maxLabel {
			return invalidAt("/labels", fmt.Sprintf("a name and a value have up to %d bytes", maxLabel))
		}
	}
	return nil
}

// ndjson is a list of rows as the text of a part.
func ndjson(rows []byte) ([]byte, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(rows, &all); err != nil {
		return nil, invalidAt("/recipients/rows", "must be a list")
	}
	if len(all) == 0 || len(all) > maxRows {
		return nil, invalidAt("/recipients/rows", fmt.Sprintf("has 1 to %d rows; a longer list comes in parts", maxRows))
	}
	var out bytes.Buffer
	for _, row := range all {
		out.Write(row)
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// given reads the body as a campaign that the token may compose.
func (s *Server) given(c *call, id string) (*campaign.Given, *composition, error) {
	data, err := c.body()
	if err != nil {
		return nil, nil, err
	}
	if data == nil {
		return nil, nil, invalidAt("", "a campaign is needed")
	}
	keyed := c.r.Header.Get("Idempotency-Key") != ""
	o, err := compose(data, id, keyed)
	if err != nil {
		return nil, nil, err
	}
	g, err := c.desk.Compose(o.file, o.labels, o.callback, c.token.Knows)
	if err != nil {
		p := problemOf(err)
		if !keyed && id == "" && len(p.Errors) > 0 && p.Errors[0].Pointer == "/id" {
			p.Errors[0].Detail += "; it may be left out where the request has an Idempotency-Key"
		}
		return nil, nil, p
	}
	if id != "" && g.File.ID != id {
		return nil, nil, invalidAt("/id", "is not the path's")
	}
	if !c.token.Knows(g.File.Sender) {
		return nil, nil, invalidAt("/sender", "there is no such sender for this token")
	}
	if err := c.names(g.File.Recipients); err != nil {
		return nil, nil, err
	}
	g.Tells = o.events
	return g, o, s.hears(c, o.endpoint, g.File.Sender)
}

// names refuses a list that asks campaigns of senders that the token does not know:
// whom they reached is not its business.
func (c *call) names(r campaign.Recipients) error {
	if len(c.token.Senders) == 0 {
		return nil
	}
	var ids []string
	if r.Only != nil {
		ids = append(ids, r.Only.Campaign)
	}
	if r.Except != nil {
		ids = append(ids, r.Except.Campaigns...)
	}
	for _, id := range ids {
		rec, err := c.desk.Record(c.ctx, id)
		if errors.Is(err, campaign.ErrNotFound) || err == nil && !c.token.Knows(rec.Sender) {
			return invalidAt("/recipients", "only and except name campaigns, and one of them is not there for this token")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
