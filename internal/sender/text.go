package sender

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sluice/internal/batch"
)

// A Text is a string with its placeholders resolved to columns.
type Text struct {
	parts []part
	// folded says that white space is folded in it, as WhatsApp wants it of a template:
	// where a value is empty, the spaces around it would be side by side.
	folded bool
}

// A part is a literal, or where column >= 0 a value with its fallback.
type part struct {
	literal string // or the fallback
	column  int
}

// CompileText resolves the placeholders of s against columns. It refuses what is
// no placeholder as eachPlaceholder has them, and one that names no column.
func CompileText(s string, columns []batch.Column) (Text, error) {
	var t Text
	err := eachPlaceholder(s, func(literal string) {
		t.parts = append(t.parts, part{literal: literal, column: -1})
	}, func(name, fallback string, _ bool) error {
		i := slices.IndexFunc(columns, func(c batch.Column) bool { return c.Name == name })
		if i < 0 {
			return fmt.Errorf("placeholder {{%s}}: there is no column of this name", name)
		}
		t.parts = append(t.parts, part{literal: fallback, column: i})
		t.folded = t.folded || columns[i].Fold
		return nil
	})
	return t, err
}

// Append appends the text as rendered for the values vars.
func (t Text) Append(dst []byte, vars []string) []byte {
	from := len(dst)
	for _, p := range t.parts {
		dst = append(dst, p.value(vars)...)
	}
	if t.folded && len(t.parts) > 1 {
		return oneSpace(dst, from)
	}
	return dst
}

// oneSpace makes each run of spaces one, from a place on.
func oneSpace(text []byte, from int) []byte {
	if !bytes.Contains(text[from:], []byte("  ")) {
		return text
	}
	kept := text[:from]
	for i := from; i < len(text); i++ {
		if text[i] != ' ' || i == from || text[i-1] != ' ' {
			kept = append(kept, text[i])
		}
	}
	return kept
}

// Render is the text for the values vars. A text of one part, as most are, is
// that part, and costs no memory.
func (t Text) Render(vars []string) string {
	if len(t.parts) == 1 {
		return t.parts[0].value(vars)
	}
	return string(t.Append(nil, vars))
}

func (p part) value(vars []string) string {
	if p.column >= 0 && p.column < len(vars) && vars[p.column] != "" {
		return vars[p.column]
	}
	return p.literal
}

// Fixed says that the text is the same for every recipient.
func (t Text) Fixed() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.column >= 0 })
}

// Columns are the columns that the message's placeholders name, each once, in
// the order of their first use. A placeholder that is malformed is an error; those of
// several texts are joined.
func (m Message) Columns() ([]batch.Column, error) {
	var columns []batch.Column
	var faults []error
	_ = eachString(reflect.ValueOf(m), "message", func(path, s string) error {
		err := eachPlaceholder(s, func(string) {}, func(name, _ string, hasFallback bool) error {
			i := slices.IndexFunc(columns, func(c batch.Column) bool { return c.Name == name })
			if i < 0 {
				columns, i = append(columns, batch.Column{Name: name, Fold: m.Template != nil}), len(columns)
			}
			columns[i].Required = columns[i].Required || !hasFallback
			return nil
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", path, err))
		}
		return nil // to go on with the next text
	})
	return columns, errors.Join(faults...)
}

// eachString calls f with every string below v and its path in the file.
func eachString(v reflect.Value, path string, f func(path, s string) error) error {
	return eachValue(v, path, func(path string, v reflect.Value) error { return f(path, v.String()) })
}

// eachValue is eachString with the string as a value, which may be set where v may.
func eachValue(v reflect.Value, path string, f func(path string, v reflect.Value) error) error {
	switch v.Kind() {
	case reflect.String:
		return f(path, v)
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return eachValue(v.Elem(), path, f)
	case reflect.Slice:
		for i := range v.Len() {
			if err := eachValue(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if err := eachValue(v.Field(i), path+"."+name, f); err != nil {
				return err
			}
		}
	}
	return nil
}
