package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// explain gives an error of the library its line and column, and drops the excerpt of
// the file and whatever may hold a value of it. It suggests a key of v, where that is
// not nil, for one that is unknown. The fault covers the field that it is about, and
// the one that is suggested, which so is not missing.
func (d *Document) explain(err error, v any) *Fault {
	var (
		y       yaml.Error
		typ     *yaml.TypeError
		node    *yaml.UnexpectedNodeTypeError
		unknown *yaml.UnknownFieldError
	)
	switch {
	case !errors.As(err, &y) || y.GetToken() == nil:
		return d.failure(1, "not valid YAML")
	}
	var covers []string
	at, text := y.GetToken().Position, y.GetMessage()
	switch {
	case errors.As(err, &typ):
		text = fmt.Sprintf("%s: must be %s", d.field(typ.Token), kind(typ.DstType))
		if is := kind(typ.SrcType); is != kind(typ.DstType) {
			text += ", not " + is
		}
	case errors.As(err, &node):
		text = fmt.Sprintf("%s: must be %s, not %s", d.field(node.Token), nodeKind(node.Expected), nodeKind(node.Actual))
	case errors.As(err, new(*yaml.OverflowError)):
		text = "the number is too large"
	case errors.As(err, &unknown):
		path := d.field(unknown.Token)
		text = path + ": " + d.unknown
		if v != nil {
			var hint string
			hint, covers = suggest(d.at, v, path)
			text += hint
			covers = slices.DeleteFunc(covers, func(field string) bool { return d.keyOf(field) != nil })
		}
	default:
		text = quoted.ReplaceAllString(text, "...")
	}
	if lines := bytes.Split(d.data, []byte("\n")); at.Line > 0 && at.Line <= len(lines) && bytes.Contains(lines[at.Line-1], []byte(": {{")) {
		text += "; a text that begins with {{ needs quotes"
	}
	fault := d.failureAt(at, text)
	if path := d.pathOf(y); path != "" {
		fault.field, fault.covers = path, append(covers, path)
	}
	return fault
}

// pathOf is the field that an error of the library is about; "" where it is none's.
func (d *Document) pathOf(y yaml.Error) string {
	if d.root == nil {
		return ""
	}
	if path := d.field(y.GetToken()); path != nowhere && path != "$" {
		return path
	}
	return ""
}

// quoted is where the library's messages show the file.
var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// field is the path of the field that a token belongs to.
func (d *Document) field(t *token.Token) string {
	found := nowhere
	d.each(func(n ast.Node) {
		if n.GetToken() == t {
			found = strings.TrimPrefix(n.GetPath(), "$.")
		}
	})
	return found
}

// nowhere is the field of what is in no field.
const nowhere = "the value"

func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "a group of fields"
	case reflect.Slice:
		return "a list"
	}
	return "a number"
}

func nodeKind(t ast.NodeType) string {
	switch t {
	case ast.MappingType, ast.MappingValueType:
		return "a group of fields"
	case ast.SequenceType:
		return "a list"
	case ast.BoolType:
		return "true or false"
	case ast.NullType:
		return "empty"
	case ast.IntegerType, ast.FloatType:
		return "a number"
	default:
		return "a text"
	}
}
