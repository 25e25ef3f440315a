package innopaas

import (
	"fmt"
	"strconv"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// A message is a compiled message: what of a request's body follows the
// recipients' numbers, in pieces.
type message struct {
	first  string  // up to the first value that varies
	pieces []piece // the rest
	fields []field
	groups []group
}

// A piece is one value and the JSON that follows it up to the next.
type piece struct {
	value sender.Text
	after string
}

// Compile implements sender.Provider for all ten types of messages.
//
// Where the vendor's pages contradict each other the newest one holds: the
// field waID of a contact's phone is spelled so and not waId; a reply button is
// {type,id,title} and not nested; the header of an interactive message has the
// form of a template's header.
func (p *Provider) Compile(m sender.Message, columns []batch.Column) (sender.Submitter, error) {
	c := &compiler{columns: columns}
	if err := onlyItsPart(m); err != nil {
		return nil, err
	}
	if p.options.Endpoint == "mmlite" && m.Type != "template" {
		return nil, fmt.Errorf("message.type: a sender with endpoint mmlite sends template alone, not %q; use another sender", m.Type)
	}
	switch m.Type {
	case "template":
		c.template(*m.Template, p.options)
	case "text":
		c.required("body", "message.text.body", m.Text.Body, atMost(maxContent))
	case "image":
		c.media("message.image", m.Type, *m.Image)
	case "video":
		c.media("message.video", m.Type, *m.Video)
	case "audio":
		c.media("message.audio", m.Type, *m.Audio)
	case "document":
		c.media("message.document", m.Type, *m.Document)
	case "sticker":
		c.media("message.sticker", m.Type, *m.Sticker)
	case "location":
		c.location(*m.Location)
	case "contacts":
		c.contacts(m.Contacts, p.options.ContactArrays == nil || *p.options.ContactArrays)
	case "interactive":
		c.interactive(*m.Interactive)
	}
	if c.err != nil {
		return nil, c.err
	}
	return newSubmitter(p, m.Type, c.finish()), nil
}

// onlyItsPart wants the part that the type names, and refuses parts that would
// never be sent.
func onlyItsPart(m sender.Message) error {
	var names []string
	var missing bool
	var extra string
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"template", m.Template != nil},
		{"text", m.Text != nil},
		{"image", m.Image != nil},
		{"video", m.Video != nil},
		{"audio", m.Audio != nil},
		{"location", m.Location != nil},
		{"document", m.Document != nil},
		{"sticker", m.Sticker != nil},
		{"contacts", len(m.Contacts) > 0},
		{"interactive", m.Interactive != nil},
	} {
		names = append(names, part.name)
		switch {
		case part.name == m.Type:
			missing = !part.set
		case part.set && extra == "":
			extra = part.name
		}
	}
	if err := oneOf(m.Type, names...); err != nil {
		return fmt.Errorf("message.type: %w", err)
	}
	if missing {
		return fmt.Errorf("message.%s: is missing, and type says that it is there", m.Type)
	}
	if extra != "" {
		return fmt.Errorf("message.%s: does not go with type %s; remove it", extra, m.Type)
	}
	return nil
}

// append appends the message as rendered for vars.
func (m *message) append(dst []byte, vars []string) []byte {
	dst = append(dst, m.first...)
	for i := range m.pieces {
		dst = sender.AppendJSONValue(dst, m.pieces[i].value, vars)
		dst = append(dst, m.pieces[i].after...)
	}
	return dst
}

// key is all that varies, each value with its length behind it: read from the
// end, two different messages never have one key. A message that does not vary
// has "".
func (m *message) key(vars []string) string {
	if len(m.pieces) == 0 {
		return ""
	}
	var buffer [256]byte
	dst := buffer[:0]
	for i := range m.pieces {
		start := len(dst)
		dst = m.pieces[i].value.Append(dst, vars)
		n := len(dst) - start
		dst = strconv.AppendInt(append(dst, ':'), int64(n), 10)
	}
	return string(dst)
}

// check's error names the field and holds nothing of the row.
func (m *message) check(vars []string) error {
	for i := range m.fields {
		f := &m.fields[i]
		if err := checkValue(f.value.Render(vars), f.required, f.rules); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	for i := range m.groups {
		if err := m.groups[i].check(m.groups[i].members, vars); err != nil {
			return err
		}
	}
	return nil
}
