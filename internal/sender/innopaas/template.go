package innopaas

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/sender"
)

// template writes the members of a template message.
func (c *compiler) template(t sender.Template, o Options) {
	const path = "message.template"
	c.category(t.Category, o.Endpoint == "mmlite")
	if err := checkLanguage(t.Language); err != nil {
		c.fail(path+".language", "%w", err)
	}
	c.constant("language", t.Language)
	c.templateName(t.Name)
	if t.Header != nil {
		c.header(path+".header", *t.Header)
	}
	if len(t.Body) > 0 {
		c.key("bodyParams")
		c.open('[')
		var members []member
		for i, s := range t.Body {
			at := fmt.Sprintf("%s.body[%d]", path, i)
			c.value(at, s, true, atMost(maxContent))
			members = append(members, member{at, c.compileText(at, s)})
		}
		c.end(']')
		c.together(members, short)
	}
	c.buttonParams(path, t.Buttons, o.ButtonParams == "all")
}

func (c *compiler) category(category string, mmlite bool) {
	const path = "message.template.category"
	if mmlite && category != categoryMarketing {
		c.fail(path, "must be marketing: a sender with endpoint mmlite sends marketing templates alone; set it, or use another sender")
		return
	}
	if category != "" {
		if err := oneOf(category, categoryMarketing, "utility", "authentication"); err != nil {
			c.fail(path, "%w", err)
		}
	}
}

func (c *compiler) templateName(name string) {
	const path = "message.template.name"
	switch {
	case name == "":
		c.fail(path, "is missing")
	case strings.Contains(name, "{{"):
		c.fail(path, "takes no placeholders")
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		c.fail(path, "%q has other characters than lower-case letters, digits and _; write it as the template is named in the console", name)
	case len(name) > maxTemplateName:
		c.fail(path, "has %d characters, and at most %d are allowed", len(name), maxTemplateName)
	}
	c.constant("templateName", name)
}

// header writes the header of a template or an interactive message. A text is
// the value of the one variable that a header may have.
func (c *compiler) header(path string, h sender.Header) {
	type kind struct{ name, value string }
	var given []kind
	for _, k := range []kind{{"text", h.Text}, {"image", h.Image}, {"video", h.Video}, {"document", h.Document}} {
		if k.value != "" {
			given = append(given, k)
		}
	}
	if len(given) != 1 {
		c.fail(path, "must have one of text, image, video and document, and has %d of them", len(given))
		return
	}
	only := given[0]
	c.key("header")
	c.open('{')
	c.constant("type", only.name)
	if only.name == "text" {
		c.required("paramValue", path+".text", only.value)
		if h.Caption != "" {
			c.fail(path+".caption", "does not go with text; remove it")
		}
	} else {
		c.required("link", path+"."+only.name, only.value, link)
		c.optional("caption", path+".caption", h.Caption, atMost(maxContent))
	}
	c.end('}')
}

// buttonParams writes the variables of buttons in the order of the buttons'
// places; all is Options.ButtonParams.
func (c *compiler) buttonParams(path string, buttons []sender.Button, all bool) {
	if len(buttons) == 0 {
		return
	}
	seen := map[int]bool{}
	order := make([]int, len(buttons))
	for i, b := range buttons {
		order[i] = i
		at := fmt.Sprintf("%s.buttons[%d]", path, i)
		switch {
		case b.CopyCode != "":
			c.fail(at+".copy_code", "innopaas documents no parameter for a copy code button, only for url; take such a template to a sender at nxcloud")
		case b.URL == "":
			c.fail(at+".url", "is missing; leave out a button without a variable")
		case b.Index < 0 || b.Index >= maxButtons:
			c.fail(at+".index", "%d is not the place of a button, 0 to %d", b.Index, maxButtons-1)
		case seen[b.Index]:
			c.fail(at+".index", "%d is there twice", b.Index)
		}
		seen[b.Index] = true
	}
	slices.SortFunc(order, func(i, j int) int { return buttons[i].Index - buttons[j].Index })
	c.key("buttonParams")
	c.open('[')
	place := 0
	for _, i := range order {
		for ; all && place < buttons[i].Index; place++ {
			c.open('{')
			c.constant("type", "text")
			c.constant("value", "")
			c.end('}')
		}
		place = buttons[i].Index + 1
		c.open('{')
		c.constant("type", "text")
		c.required("value", fmt.Sprintf("%s.buttons[%d].url", path, i), buttons[i].URL, atMost(maxButtonParam))
		c.end('}')
	}
	c.end(']')
}
