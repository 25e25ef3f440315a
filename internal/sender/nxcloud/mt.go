package nxcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/sender"
)

// A Plain is what the plain product has of its own.
type Plain struct {
	PerTry    bool  // each submission has an id of its own, which its receipts give back
	Ambiguous []int // codes after which it is not known whether it was taken
	Numbers   bool  // places on the map are numbers
	CopyCode  bool  // a button copy_code goes out as SaaS has it
}

// MTOptions are a sender's own settings, by the keys of the senders file.
type MTOptions struct {
	BaseURL         string        `yaml:"base_url"`
	TemplateBaseURL string        `yaml:"template_base_url"`
	AppKey          string        `yaml:"appkey"`
	BusinessPhone   string        `yaml:"business_phone"`
	AccessKey       string        `yaml:"access_key"`
	AccessSecret    sender.Secret `yaml:"access_secret" file:"access_secret_file"`
	Algorithm       string        `yaml:"algorithm"`
	// MessageID is per_try, which "" means too, or off.
	MessageID string `yaml:"message_id"`
	// AmbiguousCodes are 9007 alone where none are given.
	AmbiguousCodes []int `yaml:"ambiguous_codes"`
	// LocationNumbers is strings, which "" means too, or numbers: the table has the
	// one, the example the other.
	LocationNumbers string `yaml:"location_numbers"`
	// CopyCode sends the button as SaaS has it; the plain product documents none.
	CopyCode bool `yaml:"copy_code"`
}

// OpenMT is Open for the plain product.
func OpenMT(own sender.Settings, a sender.Account) (sender.Provider, error) {
	var o MTOptions
	faults := []error{own.Decode(&o)}
	set := &Plain{PerTry: true, Ambiguous: o.AmbiguousCodes, CopyCode: o.CopyCode}
	if o.AmbiguousCodes == nil {
		set.Ambiguous = []int{9007}
	}
	switch o.MessageID {
	case "", "per_try":
	case "off":
		set.PerTry = false
	default:
		faults = append(faults, sender.BadSetting("message_id", "must be per_try or off"))
	}
	switch o.LocationNumbers {
	case "", "strings":
	case "numbers":
		set.Numbers = true
	default:
		faults = append(faults, sender.BadSetting("location_numbers", "must be strings or numbers"))
	}
	p, err := New(Options{
		BaseURL: o.BaseURL, TemplateBaseURL: o.TemplateBaseURL, AppKey: o.AppKey, BusinessPhone: o.BusinessPhone,
		AccessKey: o.AccessKey, AccessSecret: o.AccessSecret, Algorithm: o.Algorithm, Account: a, Plain: set,
	})
	if err := errors.Join(append(faults, err)...); err != nil {
		if p != nil {
			p.Close()
		}
		return nil, err
	}
	return p, nil
}

// compileMT writes a message of the plain product. Its errors begin with the path
// below message.
func (c *compiler) compileMT(o Options, m sender.Message) error {
	if err := onePart(m); err != nil {
		return err
	}
	c.literal(`{`)
	c.account(o, `{`)
	c.literal(`","type":"` + m.Type + `","` + m.Type + `":`)
	switch m.Type {
	case "template":
		return c.template(m.Template)
	case "text":
		return c.object("text", part{"body", m.Text.Body, words}, part{"preview_url", strconv.FormatBool(m.Text.PreviewURL), literal})
	case "location":
		return c.location(m.Location)
	}
	media := map[string]*sender.Media{"image": m.Image, "video": m.Video, "audio": m.Audio, "document": m.Document, "sticker": m.Sticker}[m.Type]
	parts := []part{{"link", media.Link, link}}
	captions, filenames := m.Type == "image" || m.Type == "video", m.Type == "document"
	switch {
	case media.Caption != "" && !captions:
		return fmt.Errorf(".%s.caption: nxcloud-mt documents none for it; remove it", m.Type)
	case media.Filename != "" && !filenames:
		return fmt.Errorf(".%s.filename: goes with document alone; remove it", m.Type)
	case media.Caption != "":
		parts = append(parts, part{"caption", media.Caption, words})
	case media.Filename != "":
		parts = append(parts, part{"filename", media.Filename, words})
	}
	return c.object(m.Type, parts...)
}

// A part is one value of an object, literal where it is no JSON string.
type part struct {
	name, value string
	kind        kind
}

// object writes an object of values.
func (c *compiler) object(name string, parts ...part) error {
	for i, p := range parts {
		if i == 0 {
			c.literal(`{"` + p.name + `":`)
		} else {
			c.literal(`,"` + p.name + `":`)
		}
		if p.kind == literal {
			c.literal(p.value)
			continue
		}
		c.literal(`"`)
		path := "." + name + "." + p.name
		if p.value == "" {
			return fmt.Errorf("%s: is missing", path)
		}
		if err := c.value("message"+path, p.value, p.kind); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		c.literal(`"`)
	}
	c.literal(`}`)
	return nil
}

func (c *compiler) location(l *sender.Location) error {
	var parts []part
	for _, d := range []struct {
		name, value string
		kind        kind
	}{{"longitude", l.Longitude, longitude}, {"latitude", l.Latitude, latitude}} {
		if !c.plain.Numbers {
			parts = append(parts, part{d.name, d.value, d.kind})
			continue
		}
		if strings.Contains(d.value, "{{") {
			return fmt.Errorf(".location.%s: takes no placeholders with location_numbers: numbers", d.name)
		}
		if err := d.kind.check(d.value); err != nil {
			return fmt.Errorf(".location.%s: %w", d.name, err)
		}
		if !json.Valid([]byte(d.value)) {
			return fmt.Errorf(".location.%s: must not begin with a 0 that means nothing, for it is sent as a number", d.name)
		}
		parts = append(parts, part{d.name, d.value, literal})
	}
	for _, t := range []struct{ name, value string }{{"name", l.Name}, {"address", l.Address}} {
		if t.value != "" {
			parts = append(parts, part{t.name, t.value, words})
		}
	}
	return c.object("location", parts...)
}

// headerMT takes what the plain product documents: a text with a variable, or a link.
func (c *compiler) headerMT(h sender.Header) error {
	kind, value, n := "", "", 0
	for _, part := range []struct{ name, value string }{{"text", h.Text}, {"image", h.Image}, {"video", h.Video}, {"document", h.Document}} {
		if part.value != "" {
			kind, value = part.name, part.value
			n++
		}
	}
	switch {
	case h.Caption != "":
		return errors.New(".caption: nxcloud-mt documents none; remove it")
	case n != 1:
		return errors.New(": must have one of text, image, video and document")
	}
	open, end := `{"link":"`, `"}`
	if kind == "text" {
		open, end = `"`, `"`
	}
	c.literal(`{"type":"header","parameters":[{"type":"` + kind + `","` + kind + `":` + open)
	is := link
	if kind == "text" {
		is = words
	}
	if err := c.value("message.template.header."+kind, value, is); err != nil {
		return fmt.Errorf(".%s: %w", kind, err)
	}
	c.literal(end + `}]},`)
	return nil
}

// buttonMT writes a button; index is a string here.
func (c *compiler) buttonMT(path string, b sender.Button) error {
	if b.Index < 0 || b.Index >= maxButtons {
		return fmt.Errorf(".index: %d is not the place of a button, 0 to %d", b.Index, maxButtons-1)
	}
	var name, subType, kind, key, value string
	n := 0
	for _, v := range []struct{ name, value, subType, kind, key string }{
		{"url", b.URL, "url", "text", "text"},
		{"payload", b.Payload, "quick_reply", "payload", "payload"},
		{"copy_code", b.CopyCode, "COPY_CODE", "coupon_code", "coupon_code"},
	} {
		if v.value != "" {
			name, subType, kind, key, value = v.name, v.subType, v.kind, v.key, v.value
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New(": must have one of url, payload and copy_code; leave out a button without a variable")
	case b.CopyCode != "" && !c.plain.CopyCode:
		return errors.New(".copy_code: nxcloud-mt documents no such button; with copy_code: true of the sender it goes as nxcloud has it")
	}
	c.literal(`{"type":"button","sub_type":"` + subType + `","index":"` + strconv.Itoa(b.Index) + `","parameters":[{"type":"` + kind + `","` + key + `":"`)
	if err := c.value("message.template"+path+"."+name, value, words); err != nil {
		return fmt.Errorf(".%s: %w", name, err)
	}
	c.literal(`"}]},`)
	return nil
}

// onePart wants the part that type names, and no other.
func onePart(m sender.Message) error {
	known := false
	for _, p := range []struct {
		name string
		set  bool
	}{
		{"template", m.Template != nil},
		{"text", m.Text != nil},
		{"image", m.Image != nil},
		{"video", m.Video != nil},
		{"audio", m.Audio != nil},
		{"document", m.Document != nil},
		{"sticker", m.Sticker != nil},
		{"location", m.Location != nil},
	} {
		switch known = known || p.name == m.Type; {
		case p.name == m.Type && !p.set:
			return fmt.Errorf(".%s: is missing", p.name)
		case p.name != m.Type && p.set:
			return fmt.Errorf(".%s: does not go with type %s; remove it", p.name, m.Type)
		}
	}
	switch {
	case m.Type == "":
		return errors.New(".type: is missing")
	case m.Type == "interactive" || m.Type == "reaction":
		return fmt.Errorf(".type: how nxcloud-mt takes %s is not published; a sender at innopaas sends interactive", m.Type)
	case !known:
		return fmt.Errorf(".type: nxcloud-mt does not send %q", m.Type)
	case m.Contacts != nil || m.Interactive != nil:
		return errors.New(": contacts and interactive do not go with it; remove them")
	}
	return nil
}
