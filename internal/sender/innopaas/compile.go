package innopaas

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// A compiler writes JSON into text, and cuts it at each value that varies. It
// keeps the first error and goes on, so that those who write a message need not
// look at each step.
type compiler struct {
	columns []batch.Column
	text    []byte
	cuts    []cut
	fields  []field
	groups  []group
	err     error
}

// A cut is where in text a varying value belongs.
type cut struct {
	at    int
	value sender.Text
}

// A field is a varying value that is checked for each recipient.
type field struct {
	path     string
	value    sender.Text
	required bool
	rules    []rule
}

// A group is values that are checked together for each recipient.
type group struct {
	members []member
	check   func(members []member, vars []string) error
}

// A member of a group.
type member struct {
	path  string
	value sender.Text
}

// fail keeps the error if it is the first.
func (c *compiler) fail(path, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
	}
}

// key begins a member of an object.
func (c *compiler) key(name string) {
	c.comma()
	c.text = append(c.text, '"')
	c.text = append(c.text, name...)
	c.text = append(c.text, '"', ':')
}

// open begins an object or array, as a member's value or an element.
func (c *compiler) open(bracket byte) {
	c.comma()
	c.text = append(c.text, bracket)
}

// end ends what open began.
func (c *compiler) end(bracket byte) { c.text = append(c.text, bracket) }

// comma separates from what came before. The text as a whole follows a member.
func (c *compiler) comma() {
	if n := len(c.text); n > 0 {
		switch c.text[n-1] {
		case '{', '[', ':':
			return
		}
	}
	c.text = append(c.text, ',')
}

// constant writes a member that every message of its kind has.
func (c *compiler) constant(name, value string) {
	c.key(name)
	c.text = sender.AppendJSON(c.text, value)
}

// required writes a member that may not be blank.
func (c *compiler) required(name, path, s string, rules ...rule) {
	if s == "" {
		c.fail(path, "is missing")
		return
	}
	c.key(name)
	c.value(path, s, true, rules...)
}

// optional writes a member where the campaign has it. One that varies, and is
// empty for some recipient, is written as an empty string.
func (c *compiler) optional(name, path, s string, rules ...rule) {
	if s == "" {
		return
	}
	c.key(name)
	c.value(path, s, false, rules...)
}

// value writes a string: at once where it is the same for everyone, else as a
// cut and a field to check.
func (c *compiler) value(path, s string, required bool, rules ...rule) {
	c.comma()
	c.text = append(c.text, '"')
	t := c.compileText(path, s)
	if t.Fixed() {
		c.text = sender.AppendJSONValue(c.text, t, nil)
		if err := checkValue(s, required, rules); err != nil {
			c.fail(path, "%w", err)
		}
	} else {
		c.cuts = append(c.cuts, cut{at: len(c.text), value: t})
		c.fields = append(c.fields, field{path: path, value: t, required: required, rules: rules})
	}
	c.text = append(c.text, '"')
}

func (c *compiler) compileText(path, s string) sender.Text {
	t, err := sender.CompileText(s, c.columns)
	if err != nil {
		c.fail(path, "%w", err)
	}
	return t
}

// together has members checked at once where none varies, else for each recipient.
func (c *compiler) together(members []member, check func([]member, []string) error) {
	if c.err != nil {
		return
	}
	var fixed []member
	for _, m := range members {
		if m.value.Fixed() {
			fixed = append(fixed, m)
		}
	}
	// What is wrong with the fixed ones is wrong for everyone.
	if c.err = check(fixed, nil); c.err == nil && len(fixed) < len(members) {
		c.groups = append(c.groups, group{members, check})
	}
}

// unique wants members that differ from each other.
func unique(members []member, vars []string) error {
	values := make([]string, len(members))
	for i, m := range members {
		values[i] = m.value.Render(vars)
		if at := slices.Index(values[:i], values[i]); at >= 0 {
			return fmt.Errorf("%s: is the same as %s; each must be different", m.path, members[at].path)
		}
	}
	return nil
}

// short wants members that have at most maxContent characters together.
func short(members []member, vars []string) error {
	n := 0
	for _, m := range members {
		n += utf8.RuneCountInString(m.value.Render(vars))
	}
	if n > maxContent {
		return fmt.Errorf("%s: has, with those before it, %d characters, and at most %d are allowed; make them shorter", members[len(members)-1].path, n, maxContent)
	}
	return nil
}

// finish cuts the text into pieces.
func (c *compiler) finish() message {
	m := message{fields: c.fields, groups: c.groups}
	text := string(c.text)
	end := len(text)
	for i := len(c.cuts) - 1; i >= 0; i-- {
		m.pieces = append(m.pieces, piece{value: c.cuts[i].value, after: text[c.cuts[i].at:end]})
		end = c.cuts[i].at
	}
	slices.Reverse(m.pieces)
	m.first = text[:end]
	return m
}
