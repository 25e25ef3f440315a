package nxcloud

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// maxButtons is the most buttons a template has.
const maxButtons = 10

// A message is a compiled template message: the request's body in pieces.
type message struct {
	beforeTo, afterTo string  // of the body, around the recipient's number
	masked            string  // beforeTo without the account's keys
	reference         string  // what precedes the submission's reference; "" where none goes out
	end, maskedEnd    string  // what follows it
	pieces            []piece // what follows afterTo
	fields            []field // those that vary
	linkVaries        bool    // the header's link is not everyone's
}

// A piece is one value and the JSON that follows it up to the next.
type piece struct {
	value sender.Text
	after string
}

// A field is a value that is checked for each recipient.
type field struct {
	path  string
	value sender.Text
	kind  kind
}

// Compile implements sender.Provider for template messages.
func (p *Provider) Compile(m sender.Message, columns []batch.Column) (sender.Submitter, error) {
	c := compiler{columns: columns, plain: p.options.Plain}
	if err := c.compile(p.options, m); err != nil {
		return nil, fmt.Errorf("message%w", err)
	}
	return &submitter{provider: p, message: c.finish(p.options)}, nil
}

// A compiler writes JSON into text, and cuts it at each value that varies.
type compiler struct {
	plain   *Plain // nil for SaaS
	columns []batch.Column
	text    []byte
	cuts    []cut
	out     message
}

// A cut is where in text a varying value belongs.
type cut struct {
	at    int
	value sender.Text
}

// compile's errors begin with the path below message.
func (c *compiler) compile(o Options, m sender.Message) error {
	if o.Plain != nil {
		return c.compileMT(o, m)
	}
	if err := onlyTemplate(m); err != nil {
		return err
	}
	c.literal(`{"tenant_id":` + strconv.FormatInt(o.TenantID, 10) + `,`)
	c.account(o, `{"tenant_id":"`+sender.Masked+`",`)
	c.literal(`","type":"template","template":`)
	return c.template(m.Template)
}

// account writes what names the sender, up to the recipient's number; masked is what
// precedes it where keys are.
func (c *compiler) account(o Options, masked string) {
	c.literal(`"appkey":`)
	c.string(o.AppKey)
	account := len(c.text)
	c.literal(`,"business_phone":`)
	c.string(o.BusinessPhone)
	c.literal(`,"messaging_product":"whatsapp","recipient_type":"individual","to":"`)
	c.out.masked = masked + `"appkey":"` + sender.Masked + `"` + string(c.text[account:])
	c.out.beforeTo, c.text = string(c.text), nil
}

// template writes a template and its variables.
func (c *compiler) template(t *sender.Template) error {
	if t.Name == "" {
		return errors.New(".template.name: is missing")
	}
	if strings.Contains(t.Name, "{{") {
		return errors.New(".template.name: takes no placeholders")
	}
	if err := checkLanguage(t.Language); err != nil {
		return fmt.Errorf(".template.language: %w", err)
	}
	c.literal(`{"name":`)
	c.string(t.Name)
	c.literal(`,"language":{"code":`)
	c.string(t.Language)
	c.literal(`,"policy":"deterministic"}`)
	if t.Header != nil || len(t.Body) > 0 || len(t.Buttons) > 0 {
		c.literal(`,"components":[`)
		if err := c.components(t); err != nil {
			return fmt.Errorf(".template%w", err)
		}
		c.text = c.text[:len(c.text)-1] // the last comma
		c.literal(`]`)
	}
	c.literal(`}`)
	return nil
}

// components writes the components, each with a comma behind it.
func (c *compiler) components(t *sender.Template) error {
	if t.Header != nil {
		header := c.header
		if c.plain != nil {
			header = c.headerMT
		}
		if err := header(*t.Header); err != nil {
			return fmt.Errorf(".header%w", err)
		}
	}
	if len(t.Body) > 0 {
		c.literal(`{"type":"body","parameters":[`)
		for i, s := range t.Body {
			if i > 0 {
				c.literal(`,`)
			}
			c.literal(`{"type":"text","text":"`)
			path := fmt.Sprintf(".body[%d]", i)
			if err := c.value("message.template"+path, s, words); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			c.literal(`"}`)
		}
		c.literal(`]},`)
	}
	var seen []int
	for i, b := range t.Buttons {
		path := fmt.Sprintf(".buttons[%d]", i)
		if slices.Contains(seen, b.Index) {
			return fmt.Errorf("%s.index: %d is there twice", path, b.Index)
		}
		seen = append(seen, b.Index)
		button := c.button
		if c.plain != nil {
			button = c.buttonMT
		}
		if err := button(path, b); err != nil {
			return fmt.Errorf("%s%w", path, err)
		}
	}
	return nil
}

// header takes an image alone: it is the one that the SaaS API documents.
func (c *compiler) header(h sender.Header) error {
	for _, other := range []struct{ name, value string }{
		{"text", h.Text}, {"video", h.Video}, {"document", h.Document}, {"caption", h.Caption},
	} {
		if other.value != "" {
			return fmt.Errorf(".%s: nxcloud documents no parameter for it, only for image; a text without variables needs none", other.name)
		}
	}
	if h.Image == "" {
		return errors.New(".image: is missing; give the link of a picture")
	}
	c.literal(`{"type":"header","parameters":[{"type":"image","image":{"link":"`)
	if err := c.value("message.template.header.image", h.Image, link); err != nil {
		return fmt.Errorf(".image: %w", err)
	}
	c.literal(`"}}]},`)
	return nil
}

// button writes sub_type on the component, in the letter case of the
// provider's examples; its table puts it on the parameter, and no example does.
func (c *compiler) button(path string, b sender.Button) error {
	if b.Index < 0 || b.Index >= maxButtons {
		return fmt.Errorf(".index: %d is not the place of a button, 0 to %d", b.Index, maxButtons-1)
	}
	index := strconv.Itoa(b.Index)
	switch {
	case b.URL != "" && b.CopyCode != "":
		return errors.New(": has both url and copy_code; a button has one of them")
	case b.URL != "":
		c.literal(`{"type":"button","sub_type":"url","index":` + index + `,"parameters":[{"type":"text","text":"`)
		if err := c.value("message.template"+path+".url", b.URL, words); err != nil {
			return fmt.Errorf(".url: %w", err)
		}
	case b.CopyCode != "":
		c.literal(`{"type":"button","sub_type":"COPY_CODE","index":` + index + `,"parameters":[{"type":"coupon_code","coupon_code":"`)
		if err := c.value("message.template"+path+".copy_code", b.CopyCode, words); err != nil {
			return fmt.Errorf(".copy_code: %w", err)
		}
	case b.Payload != "":
		return errors.New(".payload: nxcloud documents no parameter for it; nxcloud-mt does")
	default:
		return errors.New(": has neither url nor copy_code; leave out a button without a variable")
	}
	c.literal(`"}]},`)
	return nil
}

func (c *compiler) literal(s string) { c.text = append(c.text, s...) }

func (c *compiler) string(s string) { c.text = sender.AppendJSON(c.text, s) }

// value writes what stands inside a JSON string: at once where it is the same
// for everyone, else as a cut and a field to check.
func (c *compiler) value(path, s string, k kind) error {
	t, err := sender.CompileText(s, c.columns)
	if err != nil {
		return err
	}
	if t.Fixed() {
		c.text = sender.AppendJSONValue(c.text, t, nil)
		return k.check(s)
	}
	c.cuts = append(c.cuts, cut{at: len(c.text), value: t})
	c.out.fields = append(c.out.fields, field{path: path, value: t, kind: k})
	c.out.linkVaries = c.out.linkVaries || k == link
	return nil
}

// finish cuts the text into pieces.
func (c *compiler) finish(o Options) message {
	m, text := c.out, string(c.text)
	m.end, m.maskedEnd = `}`, `}`
	switch {
	case o.Plain != nil:
		if o.Plain.PerTry {
			m.reference = `,"cus_message_id":"`
		}
		if o.CallbackURL != "" {
			m.end = `,"dr_webhook":` + string(sender.AppendJSON(nil, string(o.CallbackURL))) + `}`
			m.maskedEnd = `,"dr_webhook":"` + sender.Masked + `"}`
		}
	case o.Opaque:
		m.reference = `,"biz_opaque_callback_data":"`
	}
	end := len(text)
	for i := len(c.cuts) - 1; i >= 0; i-- {
		m.pieces = append(m.pieces, piece{value: c.cuts[i].value, after: text[c.cuts[i].at:end]})
		end = c.cuts[i].at
	}
	slices.Reverse(m.pieces)
	m.afterTo = text[:end]
	return m
}

// appendBody appends the request's body for r, with a reference where one goes out.
func (m *message) appendBody(dst []byte, r *batch.Recipient, reference string) []byte {
	return m.appendWhole(dst, m.beforeTo, r, reference, m.end)
}

func (m *message) appendWhole(dst []byte, before string, r *batch.Recipient, reference, end string) []byte {
	dst = append(dst, before...)
	dst = sender.AppendJSONEscaped(dst, r.Phone)
	dst = m.appendTemplate(dst, r)
	if m.reference != "" && reference != "" {
		dst = append(dst, m.reference...)
		dst = append(dst, reference...)
		dst = append(dst, '"')
	}
	return append(dst, end...)
}

// appendTemplate appends what of the body does not name the recipient.
func (m *message) appendTemplate(dst []byte, r *batch.Recipient) []byte {
	dst = append(dst, m.afterTo...)
	return m.appendPieces(dst, r)
}

func (m *message) appendPieces(dst []byte, r *batch.Recipient) []byte {
	for i := range m.pieces {
		dst = sender.AppendJSONValue(dst, m.pieces[i].value, r.Vars)
		dst = append(dst, m.pieces[i].after...)
	}
	return dst
}

// check's error names the field and holds nothing of the row.
func (m *message) check(r *batch.Recipient) error {
	for i := range m.fields {
		if err := m.fields[i].kind.check(m.fields[i].value.Render(r.Vars)); err != nil {
			return fmt.Errorf("%s: %w", m.fields[i].path, err)
		}
	}
	return nil
}

// onlyTemplate refuses other types, and parts that would never be sent.
func onlyTemplate(m sender.Message) error {
	if m.Type == "" {
		return errors.New(".type: is missing; nxcloud sends template")
	}
	if m.Type != "template" {
		return fmt.Errorf(".type: nxcloud's SaaS API sends template alone, not %q; a sender at innopaas sends the other types", m.Type)
	}
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"text", m.Text != nil},
		{"image", m.Image != nil},
		{"video", m.Video != nil},
		{"audio", m.Audio != nil},
		{"document", m.Document != nil},
		{"sticker", m.Sticker != nil},
		{"location", m.Location != nil},
		{"contacts", m.Contacts != nil},
		{"interactive", m.Interactive != nil},
	} {
		if part.set {
			return fmt.Errorf(".%s: does not go with type template; remove it", part.name)
		}
	}
	if m.Template == nil {
		return errors.New(".template: is missing")
	}
	return nil
}
